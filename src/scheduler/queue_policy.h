// SPDX-License-Identifier: Apache-2.0
// What the administrator decides of the queue. May change while the scheduler runs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.h"
#include "base/result.h"
#include "job/placement.h"

namespace takt::scheduler {

struct QueuePolicy {
  std::size_t jobs_max = limits::kQueueMax;  // not yet ended
  // Of one account, operators and root have no such limit. All other accounts together leave a
  // quarter of jobs_max to them.
  std::size_t jobs_of_user_max = limits::kJobsOfAccount;
  int priority_max = 0;  // above it, for operators only
  Strategy placement = Strategy::kSpread;
  std::size_t spec_bytes_of_account_max = limits::kSpecBytesOfAccount;  // of its jobs; as above
  std::int64_t store_max_bytes = 0;  // store::HistoryLimits; 0: no bound
};

// kPermissionDenied, naming the field, for a priority that only operators give.
Result<void> may_give(const QueuePolicy& policy, bool is_operator, int priority,
                      const std::string& field);

}  // namespace takt::scheduler
