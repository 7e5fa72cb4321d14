// SPDX-License-Identifier: Apache-2.0
// The history of attempts on this worker, kept within bounds of age, size and number. Guarantees:
// the oldest go first; one whose end is not acknowledged never goes, nor one that has no end,
// unless it was set aside that long ago; after a jump of the wall clock nothing goes because of its
// age (base/clock_guard.h); the loop and the disk thread wait for nothing here.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/deletion_clock.h"
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

// Removes from the history what has to go, until `stop` is set; gives how many. After a jump of the
// wall clock nothing goes because of its age. Blocks; one thread.
Result<std::size_t> keep_within(const StateFolder& state, RetentionLimits limits,
                                DeletionClock& clock, const std::atomic<bool>& stop);

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
  DeletionClock clock_;  // of the thread
  DiskThread thread_;    // of its own: a sweep takes long
};

}  // namespace takt::worker
