// SPDX-License-Identifier: Apache-2.0
#include "cli/waiting_options.h"

#include "base/limits.h"
#include "base/time_text.h"
#include "base/units.h"
#include "cli/invocation.h"
#include "cli/text.h"

namespace takt::cli {

Result<WallTime> parse_start_time(const std::string& text, const std::string& field, WallTime now) {
  if (const auto ahead = parse_duration(text, field)) return now + *ahead;
  auto time = parse_time(text, field, now);
  if (time) return *time;
  return invalid(field, in_quotes(text) +
                            " is neither a time from now, such as 10min, nor one of the clock, "
                            "such as 2026-11-22 09:28, or 21:30 for today");
}

void WaitingOptions::declare(Invocation& call) {
  call.option(
      "--priority", "NUMBER", priority_,
      "What is higher starts first, -1000 to 1000 (0). Above 0 is for operators, unless the "
      "scheduler's configuration says otherwise.");
  call.option("--not-before", "TIME", not_before_,
              "Do not start it before: so long from now (10min), or a time (2026-11-22 09:28).");
  call.option("--queue-time", "TIME", queue_time_,
              "Give it up when it has waited so long for a worker, such as 1h.");
  call.flag("--hold", hold_, "Keep it from starting until takt release.");
}

Result<void> WaitingOptions::read(JobSpec& spec, WallTime now) const {
  spec.hold = hold_;
  if (!priority_.empty()) {
    auto priority =
        parse_integer(priority_, "--priority", -limits::kPriorityMax, limits::kPriorityMax);
    if (!priority) return priority.error();
    spec.priority = static_cast<int>(*priority);
  }
  if (!not_before_.empty()) {
    auto time = parse_start_time(not_before_, "--not-before", now);
    if (!time) return time.error();
    spec.not_before = *time;
  }
  if (queue_time_.empty()) return {};
  auto limit = parse_duration(queue_time_, "--queue-time");
  if (!limit) return limit.error();
  spec.queue_time_limit = *limit;
  return {};
}

}  // namespace takt::cli
