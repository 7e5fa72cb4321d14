// SPDX-License-Identifier: Apache-2.0
#include "job/retry.h"

#include <algorithm>

#include "base/limits.h"
#include "base/units.h"

namespace takt {
namespace {

bool contains(const auto& list, const auto& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// After these a job cannot be tried again, whatever the policy says.
bool is_final(EndCause cause) {
  switch (cause) {
    case EndCause::kStopped:
    case EndCause::kQueueTimedOut:
    case EndCause::kDependencyFailed:
    case EndCause::kRejected:
    case EndCause::kPartsEnded:
      return true;
    default:
      return false;
  }
}

bool is_loss(EndCause cause) {
  return cause == EndCause::kWorkerLost || cause == EndCause::kHostShutdown;
}

}  // namespace

Result<void> validate_retry(const RetryPolicy& policy) {
  if (policy.max_attempts < 1 || policy.max_attempts > limits::kAttemptsMax)
    return invalid("spec.retry.max_attempts", std::to_string(policy.max_attempts) +
                                                  " is not from 1 to " +
                                                  std::to_string(limits::kAttemptsMax));
  for (const EndCause cause : policy.on) {
    if (is_final(cause))
      return invalid("spec.retry.on", std::string(cause_name(cause)) +
                                          " is no end after which a job could be tried again");
    if (is_loss(cause) && !policy.on_lost)
      return invalid("spec.retry.on", std::string(cause_name(cause)) +
                                          " is given without on_lost; give both, or neither");
  }
  for (const int code : policy.exit_codes)
    if (code < 1 || code > 255)
      return invalid("spec.retry.exit_codes", std::to_string(code) + " is not from 1 to 255");
  if (policy.exit_codes.size() > 255 || policy.on.size() > 255)
    return invalid("spec.retry", "lists more than 255 ends");
  if (!policy.exit_codes.empty() && !policy.on.empty() && !contains(policy.on, EndCause::kExited))
    return invalid("spec.retry.exit_codes", "are given, but EXITED is not among spec.retry.on");
  if (policy.backoff < microseconds(0) || policy.backoff > limits::kBackoffMax)
    return invalid("spec.retry.backoff", format_duration(policy.backoff) + " is not from 0 to 1h");
  return {};
}

bool tries_again(const RetryPolicy& policy, const JobEnd& end, int tries) {
  if (tries >= policy.max_attempts || is_final(end.cause)) return false;
  if (state_of_end(end) == JobState::kSucceeded) return false;
  if (is_loss(end.cause)) return policy.on_lost;
  if (!policy.on.empty() && !contains(policy.on, end.cause)) return false;
  if (end.cause == EndCause::kExited && !policy.exit_codes.empty())
    return end.exit_code && contains(policy.exit_codes, *end.exit_code);
  // Codes alone are meant to be the whole list.
  return policy.exit_codes.empty() || !policy.on.empty();
}

microseconds backoff_of(const RetryPolicy& policy, const Uuid& job, int tries) {
  microseconds wait = policy.backoff;
  for (int n = 1; n < tries && wait < limits::kBackoffMax; ++n) wait *= 2;
  wait = std::min<microseconds>(wait, limits::kBackoffMax);
  constexpr std::size_t kSteps = 1024;
  const std::size_t step = (job.hash() ^ (static_cast<std::size_t>(tries) * 2654435761U)) % kSteps;
  return wait - wait / 4 * static_cast<std::int64_t>(step) / static_cast<std::int64_t>(kSteps);
}

}  // namespace takt
