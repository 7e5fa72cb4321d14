// SPDX-License-Identifier: Apache-2.0
#include "cli/waiting_options.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.h"
#include "base/time_text.h"
#include "base/units.h"
#include "cli/invocation.h"
#include "cli/text.h"

namespace takt::cli {

namespace {

// One word of --retry-on.
Result<void> add_end(const std::string& word, RetryPolicy& retry) {
  constexpr std::array<std::pair<std::string_view, EndCause>, 5> kWords{
      {{"failed", EndCause::kExited},
       {"signal", EndCause::kSignaled},
       {"oom", EndCause::kOomKilled},
       {"timeout", EndCause::kTimedOut},
       {"start", EndCause::kStartFailed}}};
  for (const auto& [name, cause] : kWords) {
    if (word != name) continue;
    retry.on.push_back(cause);
    return {};
  }
  if (word == "lost") {
    retry.on_lost = true;
    for (const EndCause cause :
         {EndCause::kWorkerLost, EndCause::kHostShutdown, EndCause::kSupervisorLost})
      retry.on.push_back(cause);
    return {};
  }
  const auto code = parse_integer(word, "--retry-on", 1, 255);
  if (!code)
    return invalid("--retry-on", in_quotes(word) +
                                     " is not known; write exit codes from 1 to 255, failed, "
                                     "signal, oom, timeout, start or lost, with commas");
  retry.exit_codes.push_back(static_cast<int>(*code));
  if (std::find(retry.on.begin(), retry.on.end(), EndCause::kExited) == retry.on.end())
    retry.on.push_back(EndCause::kExited);
  return {};
}

}  // namespace

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
  call.option("--attempts", "NUMBER", attempts_,
              "Try it so often in all, 1 to 1000 (1), as long as it fails.");
  call.option("--retry-on", "ENDS", retry_on_,
              "Only after these ends, with commas: exit codes, or failed (any code), signal, oom, "
              "timeout, start; and lost, which alone is not among all others if this is left out.");
  call.option("--backoff", "TIME", backoff_,
              "Wait so long before the second attempt, twice as long before the third, and so on.");
  call.flag("--hold", hold_, "Keep it from starting until takt release.");
}

Result<void> WaitingOptions::read_retry(JobSpec& spec) const {
  if (attempts_.empty()) {
    if (!retry_on_.empty() || !backoff_.empty())
      return invalid(retry_on_.empty() ? "--backoff" : "--retry-on",
                     "is given without --attempts; say how often the job is tried");
    return {};
  }
  RetryPolicy retry;
  auto attempts = parse_integer(attempts_, "--attempts", 1, limits::kAttemptsMax);
  if (!attempts) return attempts.error();
  retry.max_attempts = static_cast<int>(*attempts);
  if (!backoff_.empty()) {
    auto backoff = parse_duration(backoff_, "--backoff");
    if (!backoff) return backoff.error();
    retry.backoff = *backoff;
  }
  for (std::string_view rest = retry_on_; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    if (auto added = add_end(std::string(rest.substr(0, comma)), retry); !added) return added;
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  if (retry.on_lost && !spec.lease) spec.lease = limits::kLeaseDefault;
  spec.retry = std::move(retry);
  return {};
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
  if (auto retry = read_retry(spec); !retry) return retry;
  if (queue_time_.empty()) return {};
  auto limit = parse_duration(queue_time_, "--queue-time");
  if (!limit) return limit.error();
  spec.queue_time_limit = *limit;
  return {};
}

}  // namespace takt::cli
