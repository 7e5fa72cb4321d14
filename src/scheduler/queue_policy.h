// SPDX-License-Identifier: Apache-2.0
// What the administrator decides of the queue. May change while the scheduler runs.
#pragma once

#include <cstddef>

#include "base/limits.h"
#include "base/result.h"
#include "job/placement.h"

namespace takt::scheduler {

struct QueuePolicy {
  std::size_t jobs_max = limits::kQueueMax;  // not yet ended
  std::size_t jobs_of_user_max = limits::kQueueMax;
  int priority_max = 0;  // above it, for operators only
  Strategy placement = Strategy::kSpread;
};

// kPermissionDenied, naming the field, for a priority that only operators give.
Result<void> may_give(const QueuePolicy& policy, bool is_operator, int priority,
                      const std::string& field);

}  // namespace takt::scheduler
