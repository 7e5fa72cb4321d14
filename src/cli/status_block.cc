// SPDX-License-Identifier: Apache-2.0
#include "cli/status_block.h"

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

#include "base/units.h"
#include "cli/text.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

constexpr std::size_t kLabelColumn = 10;

std::string line(std::string_view label, const std::string& value) {
  if (value.empty()) return "";
  return std::string(kLabelColumn - label.size(), ' ') + std::string(label) + ": " + value + "\n";
}

std::string since_text(const google::protobuf::Timestamp& time, const Layout& layout) {
  if (layout.full) return " since " + when_text(time, layout);
  const auto span = layout.now - rpc::time_from_proto(time);
  return " for " + format_duration(std::max(microseconds(span), microseconds(0)));
}

// The mark before the id: filled while it lives or went well, colour as systemctl's.
std::string mark(const v1::Job& job, const Screen& screen) {
  const std::string dot = screen.utf8 ? "●" : "*";
  if (!screen.colour) return dot;
  switch (job.state()) {
    case v1::JOB_STATE_RUNNING:
    case v1::JOB_STATE_SUCCEEDED:
      return "\033[32m" + dot + "\033[0m";
    case v1::JOB_STATE_FAILED:
      return "\033[31m" + dot + "\033[0m";
    default:
      return dot;
  }
}

const v1::Attempt* latest(const v1::Job& job) {
  return job.attempts_size() == 0 ? nullptr : &job.attempts(job.attempts_size() - 1);
}

std::string state_value(const v1::Job& job, const Layout& layout) {
  std::string text = state_text(job.state());
  if (job.has_end()) {
    const std::string how = end_text(job.end());  // "stopped by alice" says the state already
    text = how.starts_with(text) ? how : text + " (" + how + ")";
    if (job.has_end_time())
      text += (layout.full ? " at " : " ") + when_text(job.end_time(), layout) +
              (layout.full ? "" : " ago");
    return text;
  }
  const v1::Attempt* attempt = latest(job);
  if (attempt != nullptr && attempt->has_start_time())
    text += since_text(attempt->start_time(), layout);
  else if (job.has_submit_time())
    text += since_text(job.submit_time(), layout);
  if (job.state() == v1::JOB_STATE_QUEUED && !job.held_by().empty())
    text += ", held by " + printable(job.held_by());
  if (!job.stop_requested_by().empty())
    text += ", asked to stop by " + printable(job.stop_requested_by());
  if (job.has_unreachable_since_time())
    text += ", worker out of reach" + since_text(job.unreachable_since_time(), layout);
  return text;
}

// "[######----] 60%": how many of its parts have ended.
std::string progress_bar(const v1::PartCounts& parts, const Screen& screen) {
  constexpr int kCells = 20;
  const std::int64_t total = std::max(parts.total(), 1);
  const std::int64_t done = std::clamp<std::int64_t>(
      std::int64_t{parts.succeeded()} + parts.failed() + parts.stopped(), 0, total);
  const auto full = static_cast<int>(done * kCells / total);
  std::string bar = "[";
  for (int cell = 0; cell < kCells; ++cell)
    bar += cell < full ? (screen.utf8 ? "█" : "#") : (screen.utf8 ? "░" : "-");
  return bar + "] " + std::to_string(done * 100 / total) + "%";
}

std::string parts_value(const v1::Job& job, const Screen& screen) {
  if (!job.has_parts()) return "";
  const v1::PartCounts& counts = job.parts();
  std::vector<std::string> parts{std::to_string(counts.total()) + " in all"};
  const auto add = [&](int count, const char* what) {
    if (count > 0) parts.push_back(std::to_string(count) + " " + what);
  };
  add(counts.queued(), "queued");
  add(counts.active(), "active");
  add(counts.succeeded(), "succeeded");
  add(counts.failed(), "failed");
  add(counts.stopped(), "stopped");
  std::string text = progress_bar(counts, screen) + " " + joined(parts);
  if (job.spec().array().max_running() > 0)
    text += "; at most " + std::to_string(job.spec().array().max_running()) + " at once";
  return text + " (takt list --parts-of " + short_id(job.job_id()) + ")";
}

std::string part_of_value(const v1::Job& job) {
  if (job.part_of().empty()) return "";
  std::string text = printable(job.part_of()) + ", index " + std::to_string(job.part_index());
  if (!job.part_worker().empty()) text += ", for " + printable(job.part_worker());
  return text;
}

std::string dependencies_value(const v1::JobSpec& spec) {
  std::vector<std::string> parts;
  for (const v1::Dependency& dependency : spec.dependencies()) {
    const bool success = dependency.condition() == v1::DEPENDENCY_CONDITION_SUCCESS;
    const bool failure = dependency.condition() == v1::DEPENDENCY_CONDITION_FAILURE;
    parts.push_back(std::string(success   ? "success"
                                : failure ? "failure"
                                          : "end") +
                    " of " + short_id(dependency.job_id()));
  }
  return joined(parts);
}

// How it waits, while it does.
std::string queue_value(const v1::Job& job, const Layout& layout) {
  if (job.state() != v1::JOB_STATE_QUEUED) return "";
  std::vector<std::string> parts;
  if (job.priority() != 0) parts.push_back("priority " + std::to_string(job.priority()));
  if (job.has_not_before_time() && rpc::time_from_proto(job.not_before_time()) > layout.now)
    parts.push_back("not before " + format_time(rpc::time_from_proto(job.not_before_time())));
  if (job.spec().has_queue_time_limit())
    parts.push_back("for up to " +
                    format_duration(rpc::raw_duration(job.spec().queue_time_limit())));
  if (!job.is_summary())
    parts.push_back("takt explain " + short_id(job.job_id()) + " says why it waits");
  return joined(parts);
}

std::string worker_value(const v1::Job& job) {
  const v1::Attempt* attempt = latest(job);
  if (attempt == nullptr) return "";
  std::string text = printable(attempt->worker_name().empty() ? short_id(attempt->worker_id())
                                                              : attempt->worker_name());
  if (!attempt->user().empty()) text += ", as " + printable(attempt->user());
  text += ", attempt " + std::to_string(attempt->number());
  if (job.spec().retry().max_attempts() > 1)
    text += " of " + std::to_string(job.spec().retry().max_attempts());
  return text;
}

std::string usage_value(const v1::Usage& usage, bool exact) {
  std::vector<std::string> parts;
  if (const auto cpu = cpu_time(usage)) parts.push_back(format_duration(*cpu) + " CPU");
  if (usage.has_memory_bytes()) parts.push_back(size_text(usage.memory_bytes(), exact) + " memory");
  if (usage.has_memory_peak_bytes())
    parts.push_back(size_text(usage.memory_peak_bytes(), exact) + " memory peak");
  if (usage.has_tasks()) parts.push_back(std::to_string(usage.tasks()) + " tasks");
  if (usage.has_tasks_peak()) parts.push_back(std::to_string(usage.tasks_peak()) + " tasks peak");
  if (usage.has_io_read_bytes()) parts.push_back(size_text(usage.io_read_bytes(), exact) + " read");
  if (usage.has_io_write_bytes())
    parts.push_back(size_text(usage.io_write_bytes(), exact) + " written");
  if (usage.stragglers() > 0)
    parts.push_back(std::to_string(usage.stragglers()) + " stragglers killed");
  return joined(parts);
}

std::string limits_value(const v1::JobSpec& spec, bool exact) {
  std::vector<std::string> parts;
  const v1::Resources& asked = spec.resources();
  if (asked.memory_bytes() != 0) {
    std::string memory = size_text(asked.memory_bytes(), exact) + " memory";
    if (asked.swap_bytes() != 0) memory += " and " + size_text(asked.swap_bytes(), exact) + " swap";
    parts.push_back(memory);
  }
  if (asked.cpu_millicores() != 0) parts.push_back(cpus_text(asked.cpu_millicores()) + " CPUs");
  if (asked.tasks() != 0) parts.push_back(std::to_string(asked.tasks()) + " tasks");
  std::map<std::string, std::int64_t> counted(asked.counted().begin(), asked.counted().end());
  for (const auto& [name, count] : counted)
    parts.push_back(std::to_string(count) + " of " + printable(name));
  if (spec.has_run_time_limit())
    parts.push_back(format_duration(rpc::raw_duration(spec.run_time_limit())) +
                    (spec.count_paused() ? " run time, pauses included" : " run time"));
  if (spec.has_lease())
    parts.push_back(format_duration(rpc::raw_duration(spec.lease())) + " lease");
  if (spec.cpu_weight() != 0) parts.push_back("CPU weight " + std::to_string(spec.cpu_weight()));
  if (spec.io_weight() != 0) parts.push_back("I/O weight " + std::to_string(spec.io_weight()));
  return joined(parts);
}

// A process a line: what a job that is ending still waits for.
std::string remaining_lines(const v1::Attempt& attempt) {
  std::string text;
  for (const v1::Process& process : attempt.remaining()) {
    std::string value = std::to_string(process.pid()) + " " + printable(process.name()) +
                        " (state " + printable(process.state());
    if (!process.wait_channel().empty()) value += ", waits in " + printable(process.wait_channel());
    value += ") for " + format_duration(rpc::raw_duration(process.waited()));
    text += line(text.empty() ? "Remaining" : "", value);
  }
  return text;
}

std::string output_value(const v1::Job& job, const v1::Usage& usage, bool exact) {
  std::vector<std::string> parts;
  if (usage.has_stdout_bytes()) parts.push_back(size_text(usage.stdout_bytes(), exact) + " stdout");
  if (usage.has_stderr_bytes()) parts.push_back(size_text(usage.stderr_bytes(), exact) + " stderr");
  std::int64_t lost = 0;
  if (__builtin_add_overflow(usage.stdout_truncated_bytes(), usage.stderr_truncated_bytes(), &lost))
    lost = std::numeric_limits<std::int64_t>::max();
  if (lost > 0) parts.push_back(size_text(lost, exact) + " not kept");
  const std::int64_t unsaid = usage.journal_dropped_lines();
  if (unsaid > 0)
    parts.push_back(std::to_string(unsaid) + (unsaid == 1 ? " line" : " lines") +
                    " not in the journal");
  if (parts.empty()) return "";
  if (job.is_summary()) return joined(parts);
  return joined(parts) + " (takt logs " + short_id(job.job_id()) + ")";
}

std::string earlier_lines(const v1::Job& job, const Layout& layout) {
  std::string text;
  for (int i = 0; i + 1 < job.attempts_size(); ++i) {
    const v1::Attempt& attempt = job.attempts(i);
    std::string value =
        "attempt " + std::to_string(attempt.number()) + " on " + printable(attempt.worker_name());
    if (attempt.has_end()) value += ": " + end_text(attempt.end());
    if (attempt.has_end_time())
      value += ", " + when_text(attempt.end_time(), layout) + (layout.full ? "" : " ago");
    text += line(i == 0 ? "Earlier" : "", value);
  }
  return text;
}

std::string labels_value(const v1::JobSpec& spec) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : spec.labels()) parts.push_back(printable(key + "=" + value));
  std::sort(parts.begin(), parts.end());
  return joined(parts);
}

std::string readers_value(const v1::JobSpec& spec) {
  std::vector<std::string> readers;
  for (const std::string& reader : spec.readers()) readers.push_back(printable(reader));
  return joined(readers);
}

}  // namespace

std::string when_text(const google::protobuf::Timestamp& time, const Layout& layout) {
  const WallTime when = rpc::time_from_proto(time);
  if (layout.full) return format_time(when);
  return coarse(std::max(microseconds(layout.now - when), microseconds(0)));
}

std::string status_block(const v1::Job& job, const Layout& layout) {
  std::string text = mark(job, layout.screen) + " " + job.job_id();
  if (!job.spec().name().empty()) text += " " + printable(job.spec().name());
  text += "\n" + line("State", state_value(job, layout));
  text += line("Command", job.is_summary()
                              ? "(not shown: only who submitted the job and operators see it)"
                              : command_text(job));
  if (job.input_removed())
    text += line("Input", "script and input were removed, to make room in the scheduler's store");
  text += line("Labels", labels_value(job.spec()));
  text += line("Readers", readers_value(job.spec()));
  if (job.has_submit_time())
    text += line("Submitted", when_text(job.submit_time(), layout) + (layout.full ? "" : " ago") +
                                  " by " + submitter(job));
  if (!job.retry_of().empty()) text += line("Retry of", printable(job.retry_of()));
  text += line("Part of", part_of_value(job));
  text += line("Parts", parts_value(job, layout.screen));
  text += line("After", job.part_of().empty() ? dependencies_value(job.spec()) : "");
  text += line("Queue", queue_value(job, layout));
  text += line("Worker", worker_value(job));
  if (const v1::Attempt* attempt = latest(job)) {
    text += line("Unit", printable(attempt->unit()));
    if (!ended(job) && attempt->leader_pid() > 0)
      text += line("Main PID", std::to_string(attempt->leader_pid()));
    text += line("Limits", limits_value(job.spec(), layout.bytes));
    text += line("Usage", usage_value(attempt->usage(), layout.bytes));
    text += remaining_lines(*attempt);
    text += line("Output", output_value(job, attempt->usage(), layout.bytes));
  }
  text += line("Note", printable(job.end().note()));
  return text + earlier_lines(job, layout);
}

}  // namespace takt::cli
