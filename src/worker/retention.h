// SPDX-License-Identifier: Apache-2.0
// The history of attempts on this worker, kept within bounds of age, size and number. Guarantees:
// the oldest go first; one whose end is not acknowledged never goes, nor one that has no end,
// unless it was set aside that long ago; the loop and the disk thread wait for nothing here.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "worker/core.h"

namespace takt::worker {

// What the history may hold.
struct RetentionLimits {
  microseconds age{0};
  std::uint64_t bytes = 0;
  std::size_t attempts = 0;
};

// Which of these have to go, oldest first. Pure.
std::vector<AttemptId> surplus(std::vector<StoredAttempt> stored, const RetentionLimits& limits,
                               WallTime now);

class Retention {
 public:
  explicit Retention(Core& core);
  ~Retention();

 private:
  void sweep_in(nanoseconds pause);
  void sweep();

  Core& core_;
  sd::Source timer_;
  std::atomic<bool> stopping_{false};
  DiskThread thread_;  // of its own: a sweep takes long
};

}  // namespace takt::worker
