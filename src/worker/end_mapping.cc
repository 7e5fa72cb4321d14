// SPDX-License-Identifier: Apache-2.0
#include "worker/end_mapping.h"

#include <sys/wait.h>

#include "attempt/contact.h"
#include "attempt/folder.h"
#include "base/units.h"
#include "worker/usage.h"

namespace takt::worker {
namespace {

constexpr const char* kCleanupLost = "cleanup lost";

EndCause cause_of(attempt::EndCause cause) {
  switch (cause) {
    case attempt::EndCause::kExited:
      return EndCause::kExited;
    case attempt::EndCause::kSignaled:
      return EndCause::kSignaled;
    case attempt::EndCause::kOomKilled:
      return EndCause::kOomKilled;
    case attempt::EndCause::kTimedOut:
      return EndCause::kTimedOut;
    case attempt::EndCause::kStopped:
      return EndCause::kStopped;
    case attempt::EndCause::kHostShutdown:
      return EndCause::kHostShutdown;
    case attempt::EndCause::kStartFailed:
      return EndCause::kStartFailed;
    case attempt::EndCause::kSupervisorLost:
      return EndCause::kSupervisorLost;
    case attempt::EndCause::kWorkerLost:
      return EndCause::kWorkerLost;
  }
  return EndCause::kSupervisorLost;
}

Usage usage_of(const attempt::ExitRecord& record) {
  Usage usage;
  if (record.wait_status) usage.wall = record.duration;
  usage.cpu_user = record.cpu_user;
  usage.cpu_system = record.cpu_system;
  usage.memory_peak_bytes = as_signed(record.memory_peak_bytes);
  usage.tasks_peak = as_signed(record.tasks_peak);
  usage.io_read_bytes = as_signed(record.io_read_bytes);
  usage.io_write_bytes = as_signed(record.io_write_bytes);
  // Only a supervisor counts output; where there was none to the end, the totals are unknown.
  const bool lost = record.cause == attempt::EndCause::kSupervisorLost ||
                    record.cause == attempt::EndCause::kWorkerLost || record.note == kCleanupLost;
  if (lost) return usage;
  const auto total = [](const attempt::StreamTotals& stream) {
    return static_cast<std::int64_t>(stream.bytes + stream.truncated_bytes + stream.lost_bytes);
  };
  const auto missing = [](const attempt::StreamTotals& stream) {
    return static_cast<std::int64_t>(stream.truncated_bytes + stream.lost_bytes);
  };
  usage.stdout_bytes = total(record.stdout_totals);
  usage.stderr_bytes = total(record.stderr_totals);
  usage.stdout_truncated_bytes = missing(record.stdout_totals);
  usage.stderr_truncated_bytes = missing(record.stderr_totals);
  usage.stragglers = static_cast<std::int64_t>(record.stragglers_killed);
  usage.journal_dropped_lines = static_cast<std::int64_t>(record.journal_lines_dropped);
  return usage;
}

// A stream that could not be written whole, in words.
void add_loss(std::string& note, const char* stream, const attempt::StreamTotals& totals) {
  const auto add = [&](std::uint64_t bytes, const std::string& why) {
    if (bytes == 0) return;
    if (!note.empty()) note += "; ";
    note += format_bytes(bytes) + " of " + stream + why;
  };
  add(totals.lost_bytes - totals.spared_bytes,
      " could not be written" +
          (totals.error_number != 0 ? ": " + errno_text(totals.error_number) : ""));
  add(totals.spared_bytes, " were not kept: less than free_min (worker.conf) was free on the disk");
}

void set_wait_status(JobEnd& end, int status) {
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) {
    end.signal = WTERMSIG(status);
    end.core_dumped = WCOREDUMP(status);
  }
}

OomKill oom_of(const attempt::ExitRecord& record) {
  OomKill oom;
  oom.scope = record.oom_scope == "job"    ? OomScope::kJob
              : record.oom_scope == "host" ? OomScope::kHost
                                           : OomScope::kSystemdOomd;
  if (oom.scope == OomScope::kJob && record.memory_limit_bytes != 0)
    oom.limit_bytes = static_cast<std::int64_t>(record.memory_limit_bytes);
  oom.peak_bytes = as_signed(record.memory_peak_bytes);
  oom.kills = as_signed(record.oom_kills);
  return oom;
}

// The program or folder that a failed step was about.
std::string subject_of(const JobEnd& end, const JobSpec& spec) {
  if (end.failed_step == "chdir" && !spec.working_directory.empty())
    return "\"" + spec.working_directory + "\"";
  if (end.failed_step == "exec" && spec.script.empty() && !spec.argv.empty())
    return "\"" + spec.argv[0] + "\"";
  return "";
}

}  // namespace

void set_end(Attempt& attempt, const attempt::ExitRecord& record, const JobSpec& spec) {
  JobEnd end;
  end.cause = cause_of(record.cause);
  if (record.wait_status) set_wait_status(end, *record.wait_status);
  end.failed_step = record.failed_step;
  end.error_number = record.failed_errno;
  if (!record.failed_field.empty()) end.field = "spec." + record.failed_field;
  end.stopped_by = record.stop_by;
  end.reason = record.stop_reason;
  end.killed = record.sigkill_needed;
  end.note = record.note;
  if (end.cause == EndCause::kOomKilled) end.oom = oom_of(record);
  end.run_time_limit = record.run_time_limit;
  add_loss(end.note, attempt::kStdoutFile, record.stdout_totals);
  add_loss(end.note, attempt::kStderrFile, record.stderr_totals);
  // The worker's own text on a start that it refused stands in the reason; so does a lease's.
  if (record.cause == attempt::EndCause::kStartFailed ||
      record.cause == attempt::EndCause::kWorkerLost)
    end.detail = std::exchange(end.reason, {});
  if (end.detail.empty()) end.detail = subject_of(end, spec);
  const bool may_have_run = record.wait_status || record.note == kCleanupLost ||
                            end.cause == EndCause::kSupervisorLost ||
                            end.cause == EndCause::kWorkerLost;
  attempt.start_time = may_have_run ? std::optional(record.start_time) : std::nullopt;
  attempt.end_time = record.end_time;
  attempt.usage = usage_of(record);
  attempt.remaining.clear();
  attempt.state = state_of_end(end);
  attempt.end = std::move(end);
}

attempt::ExitRecord lost_record(const LostAttempt& lost, const JobSpec& spec, WallTime now) {
  const attempt::SupervisorRecord& supervisor = lost.supervisor;
  attempt::ExitRecord record;
  record.start_time = supervisor.go_time.value_or(now);
  record.end_time = supervisor.leader_end_time.value_or(now);
  record.duration = record.end_time - record.start_time;
  if (supervisor.ending_cause) {
    record.cause = *supervisor.ending_cause;
    record.wait_status = supervisor.leader_status;
    record.sigkill_needed = !supervisor.leader_status;
    if (record.cause == attempt::EndCause::kTimedOut) record.run_time_limit = spec.run_time_limit;
    if (record.cause == attempt::EndCause::kWorkerLost && spec.lease)
      record.stop_reason = attempt::lease_over_text(*spec.lease);
    if (lost.stop) {
      record.stop_by = lost.stop->by;
      record.stop_reason = lost.stop->reason;
    }
    record.note = kCleanupLost;
    return record;
  }
  if (supervisor.leader_status) {
    record.cause = WIFSIGNALED(*supervisor.leader_status) ? attempt::EndCause::kSignaled
                                                          : attempt::EndCause::kExited;
    record.wait_status = supervisor.leader_status;
    record.note = kCleanupLost;
    return record;
  }
  record.cause =
      lost.same_boot ? attempt::EndCause::kSupervisorLost : attempt::EndCause::kWorkerLost;
  return record;
}

}  // namespace takt::worker
