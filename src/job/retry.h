// SPDX-License-Identifier: Apache-2.0
// Whether and when a job is tried again after an attempt has ended. Pure.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "job/state.h"

namespace takt {

struct RetryPolicy {
  int max_attempts = 1;         // in all
  std::vector<EndCause> on;     // empty: every failure that is the job's own
  std::vector<int> exit_codes;  // with kExited: only these; empty: every one but 0
  microseconds backoff{0};      // before the first retry; doubles each time
  bool on_lost = false;         // also after kWorkerLost and kHostShutdown
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// kInvalid names the field ("spec.retry.on").
Result<void> validate_retry(const RetryPolicy& policy);

// Whether it is tried again after this end of its `tries`-th attempt. Never after a stop.
bool tries_again(const RetryPolicy& policy, const JobEnd& end, int tries);

// How long it waits after its `tries`-th attempt: the back-off, doubled each time up to an hour, of
// which up to a quarter is taken off, by job and attempt, so that those that failed together do not
// come back together.
microseconds backoff_of(const RetryPolicy& policy, const Uuid& job, int tries);

}  // namespace takt
