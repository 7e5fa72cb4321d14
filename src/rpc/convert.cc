// SPDX-License-Identifier: Apache-2.0
#include "rpc/convert.h"

#include <algorithm>

#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "rpc/convert_spec.h"
#include "rpc/convert_usage.h"

namespace takt::rpc {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

// The API's numbers are the domain's plus one, for UNSPECIFIED; the checks below hold them to it.
static_assert(v1::JOB_STATE_QUEUED == static_cast<int>(JobState::kQueued) + 1);
static_assert(v1::JOB_STATE_STOPPED == static_cast<int>(JobState::kStopped) + 1);
static_assert(v1::END_CAUSE_EXITED == static_cast<int>(EndCause::kExited) + 1);
static_assert(v1::END_CAUSE_PARTS_ENDED == static_cast<int>(EndCause::kPartsEnded) + 1);
static_assert(v1::OOM_SCOPE_JOB == static_cast<int>(OomScope::kJob) + 1);
static_assert(v1::OOM_SCOPE_SYSTEMD_OOMD == static_cast<int>(OomScope::kSystemdOomd) + 1);

// What a Duration may say, either way.
constexpr microseconds kSpanMost = std::chrono::seconds(315'576'000'000);

// Whose limit it was is the evidence: without it there is nothing to tell.
std::optional<OomKill> oom_from_proto(const v1::JobEnd& message) {
  if (message.oom_scope() < v1::OOM_SCOPE_JOB || message.oom_scope() > v1::OOM_SCOPE_SYSTEMD_OOMD)
    return std::nullopt;
  OomKill oom;
  oom.scope = static_cast<OomScope>(static_cast<int>(message.oom_scope()) - 1);
  if (message.has_memory_limit_bytes()) oom.limit_bytes = message.memory_limit_bytes();
  if (message.has_memory_peak_bytes()) oom.peak_bytes = message.memory_peak_bytes();
  if (message.has_oom_kills()) oom.kills = message.oom_kills();
  return oom;
}

// A text that a worker reports: as long as its records hold, so that a job of many attempts still
// fits an answer.
std::string bounded(const std::string& text) {
  return clean_text(text, limits::kRecordTextMaxBytes);
}

// Without an end it is on its worker, and its end is one that workers see: the others are the
// scheduler's own.
Result<void> check_reported(const Attempt& attempt) {
  if (!attempt.end) {
    if (attempt.state != JobState::kQueued && !has_ended(attempt.state)) return {};
    return invalid("attempt.state",
                   "is " + std::string(state_name(attempt.state)) + ", without an end");
  }
  switch (attempt.end->cause) {
    case EndCause::kQueueTimedOut:
    case EndCause::kDependencyFailed:
    case EndCause::kRejected:
    case EndCause::kPartsEnded:
      return invalid("end.cause",
                     std::string(cause_name(attempt.end->cause)) + " is no end of an attempt");
    default:
      return {};
  }
}

Launcher launcher_from(v1::Launcher launcher) {
  switch (launcher) {
    case v1::LAUNCHER_SCOPE:
      return Launcher::kScope;
    case v1::LAUNCHER_CGROUP:
      return Launcher::kCgroup;
    default:
      return Launcher::kDefault;
  }
}

}  // namespace

google::protobuf::Timestamp time_to_proto(WallTime time) {
  google::protobuf::Timestamp message;
  const WallTime held = std::clamp(time, kWallTimeMin, kWallTimeMax);
  const auto whole = std::chrono::floor<std::chrono::seconds>(held);
  message.set_seconds(whole.time_since_epoch().count());
  message.set_nanos(static_cast<std::int32_t>((held - whole).count() * 1000));
  return message;
}

WallTime time_from_proto(const google::protobuf::Timestamp& message) {
  return from_unix_time(message.seconds(), message.nanos());
}

microseconds raw_duration(const google::protobuf::Duration& message) {
  constexpr std::int64_t kMost = kSpanMost.count() / kSecond;
  return std::clamp(std::chrono::seconds(std::clamp(message.seconds(), -kMost, kMost)) +
                        microseconds(message.nanos() / 1000),
                    -kSpanMost, kSpanMost);
}

google::protobuf::Duration duration_to_proto(microseconds span) {
  google::protobuf::Duration message;
  const microseconds held = std::clamp(span, -kSpanMost, kSpanMost);
  message.set_seconds(held.count() / kSecond);
  message.set_nanos(static_cast<std::int32_t>(held.count() % kSecond * 1000));
  return message;
}

Result<microseconds> duration_from_proto(const google::protobuf::Duration& message,
                                         const std::string& field, microseconds most) {
  const bool whole = message.seconds() >= 0 && message.nanos() >= 0 &&
                     message.nanos() < 1'000'000'000 && message.seconds() <= most.count() / kSecond;
  if (whole && raw_duration(message) <= most) return raw_duration(message);
  return invalid(
      field, std::to_string(message.seconds()) + " s is not from 0 to " + format_duration(most));
}

v1::JobState state_to_proto(JobState state) {
  return static_cast<v1::JobState>(static_cast<int>(state) + 1);
}

Result<JobState> state_from_proto(v1::JobState state, const std::string& field) {
  if (state >= v1::JOB_STATE_QUEUED && state <= v1::JOB_STATE_STOPPED)
    return static_cast<JobState>(static_cast<int>(state) - 1);
  return invalid(field, "value " + std::to_string(state) +
                            " is not a state; QUEUED to STOPPED (1 to 8) are accepted");
}

v1::Launcher launcher_to_proto(Launcher launcher) {
  switch (launcher) {
    case Launcher::kDefault:
      return v1::LAUNCHER_UNSPECIFIED;
    case Launcher::kScope:
      return v1::LAUNCHER_SCOPE;
    case Launcher::kCgroup:
      return v1::LAUNCHER_CGROUP;
  }
  return v1::LAUNCHER_UNSPECIFIED;
}

v1::EndCause cause_to_proto(EndCause cause) {
  return static_cast<v1::EndCause>(static_cast<int>(cause) + 1);
}

Result<EndCause> cause_from_proto(int cause, const std::string& field) {
  if (cause >= v1::END_CAUSE_EXITED && cause <= v1::END_CAUSE_PARTS_ENDED)
    return static_cast<EndCause>(cause - 1);
  return invalid(field, "value " + std::to_string(cause) + " is no end of a job; " +
                            std::to_string(v1::END_CAUSE_EXITED) + " (EXITED) to " +
                            std::to_string(v1::END_CAUSE_PARTS_ENDED) + " (PARTS_ENDED) are known");
}

v1::JobEnd end_to_proto(const JobEnd& end) {
  v1::JobEnd message;
  message.set_cause(cause_to_proto(end.cause));
  if (end.exit_code) message.set_exit_code(*end.exit_code);
  if (end.signal) message.set_signal(*end.signal);
  message.set_core_dumped(end.core_dumped);
  message.set_failed_step(clean_text(end.failed_step));
  message.set_error_number(end.error_number);
  message.set_field(clean_text(end.field));
  message.set_stopped_by(clean_text(end.stopped_by));
  message.set_reason(clean_text(end.reason));
  message.set_killed(end.killed);
  message.set_detail(clean_text(end.detail));
  message.set_message(clean_text(end_message(end)));
  message.set_note(clean_text(end.note));
  if (end.oom) {
    message.set_oom_scope(static_cast<v1::OomScope>(static_cast<int>(end.oom->scope) + 1));
    if (end.oom->limit_bytes) message.set_memory_limit_bytes(*end.oom->limit_bytes);
    if (end.oom->peak_bytes) message.set_memory_peak_bytes(*end.oom->peak_bytes);
    if (end.oom->kills) message.set_oom_kills(*end.oom->kills);
  }
  if (end.run_time_limit)
    *message.mutable_run_time_limit() = duration_to_proto(*end.run_time_limit);
  if (end.parts_total > 0) {
    message.set_parts_total(end.parts_total);
    message.set_parts_failed(end.parts_failed);
  }
  return message;
}

Result<JobEnd> end_from_proto(const v1::JobEnd& message) {
  if (message.cause() < v1::END_CAUSE_EXITED || message.cause() > v1::END_CAUSE_PARTS_ENDED)
    return invalid("end.cause", "value " + std::to_string(message.cause()) + " is not known");
  JobEnd end;
  end.cause = static_cast<EndCause>(static_cast<int>(message.cause()) - 1);
  if (message.has_exit_code()) end.exit_code = message.exit_code();
  if (message.has_signal()) end.signal = message.signal();
  end.core_dumped = message.core_dumped();
  end.failed_step = bounded(message.failed_step());
  end.error_number = message.error_number();
  end.field = bounded(message.field());
  end.stopped_by = bounded(message.stopped_by());
  end.reason = bounded(message.reason());
  end.killed = message.killed();
  end.detail = bounded(message.detail());
  end.note = bounded(message.note());
  end.oom = oom_from_proto(message);
  if (message.has_run_time_limit()) end.run_time_limit = raw_duration(message.run_time_limit());
  end.parts_total = message.parts_total();
  end.parts_failed = message.parts_failed();
  return end;
}

v1::Attempt attempt_to_proto(const Attempt& attempt) {
  v1::Attempt message;
  message.set_job_id(attempt.id.job_id.str());
  message.set_number(attempt.id.number);
  message.set_state(state_to_proto(attempt.state));
  if (!attempt.worker_id.is_nil()) message.set_worker_id(attempt.worker_id.str());
  message.set_worker_name(clean_text(attempt.worker_name));
  message.set_boot_id(clean_text(attempt.boot_id));
  message.set_unit(clean_text(attempt.unit));
  message.set_cgroup(clean_text(attempt.cgroup));
  message.set_leader_pid(attempt.leader_pid);
  message.set_user(clean_text(attempt.user));
  message.set_launcher(launcher_to_proto(attempt.launcher));
  if (attempt.start_time) *message.mutable_start_time() = time_to_proto(*attempt.start_time);
  if (attempt.end_time) *message.mutable_end_time() = time_to_proto(*attempt.end_time);
  if (attempt.end) *message.mutable_end() = end_to_proto(*attempt.end);
  if (attempt.usage != Usage()) *message.mutable_usage() = usage_to_proto(attempt.usage);
  for (const RemainingProcess& process : attempt.remaining)
    *message.add_remaining() = process_to_proto(process);
  return message;
}

Result<Attempt> attempt_from_proto(const v1::Attempt& message) {
  Attempt attempt;
  auto job_id = Uuid::parse(message.job_id(), "attempt.job_id");
  if (!job_id) return job_id.error();
  if (message.number() < 1)
    return invalid("attempt.number", std::to_string(message.number()) + " is below 1");
  attempt.id = {*job_id, message.number()};
  auto state = state_from_proto(message.state(), "attempt.state");
  if (!state) return state.error();
  attempt.state = *state;
  if (!message.worker_id().empty()) {
    auto worker_id = Uuid::parse(message.worker_id(), "attempt.worker_id");
    if (!worker_id) return worker_id.error();
    attempt.worker_id = *worker_id;
  }
  attempt.worker_name = clean_text(message.worker_name(), limits::kNameMaxBytes);
  attempt.boot_id = clean_text(message.boot_id(), limits::kNameMaxBytes);
  attempt.unit = clean_text(message.unit(), limits::kPathNameMaxBytes);
  attempt.cgroup = clean_text(message.cgroup(), limits::kPathMaxBytes);
  attempt.leader_pid = message.leader_pid();
  attempt.user = clean_text(message.user(), limits::kAccountMaxBytes);
  attempt.launcher = launcher_from(message.launcher());
  if (message.has_start_time()) attempt.start_time = time_from_proto(message.start_time());
  if (message.has_end_time()) attempt.end_time = time_from_proto(message.end_time());
  if (message.has_end()) {
    auto end = end_from_proto(message.end());
    if (!end) return end.error();
    attempt.end = *end;
  }
  attempt.usage = usage_from_proto(message.usage());
  attempt.remaining = remaining_from_proto(message.remaining());
  if (auto checked = check_reported(attempt); !checked) return checked.error();
  return attempt;
}

v1::Job job_to_proto(const Job& job) {
  v1::Job message;
  message.set_job_id(job.id.str());
  message.set_revision(job.revision);
  *message.mutable_spec() = spec_to_proto(*job.spec);
  message.set_state(state_to_proto(job.state));
  *message.mutable_submit_time() = time_to_proto(job.submit_time);
  message.set_submitted_by(clean_text(job.submitted_by));
  for (const Attempt& attempt : job.attempts) *message.add_attempts() = attempt_to_proto(attempt);
  if (job.end) *message.mutable_end() = end_to_proto(*job.end);
  if (job.end_time) *message.mutable_end_time() = time_to_proto(*job.end_time);
  if (job.stop_requested) message.set_stop_requested_by(clean_text(job.stop_requested->by));
  message.set_priority(job.priority);
  if (job.hold) message.set_held_by(clean_text(job.hold->by));
  if (job.not_before) *message.mutable_not_before_time() = time_to_proto(*job.not_before);
  message.set_tries(job.tries);
  if (!job.retry_of.is_nil()) message.set_retry_of(job.retry_of.str());
  if (job.part) {
    message.set_part_of(job.part->whole.str());
    message.set_part_index(job.part->index);
    message.set_part_worker(clean_text(job.part->worker));
  }
  return message;
}

}  // namespace takt::rpc
