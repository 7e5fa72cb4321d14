// SPDX-License-Identifier: Apache-2.0
// Stores of any size, as a scheduler that has worked for long leaves them. Guarantees: rows come
// out of the scheduler's own writer; jobs that wait are the oldest and fit no worker of the bench.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"

namespace takt::bench {

struct StoreSize {
  int finished = 0;
  int queued = 0;
  int lines = 1;  // in which the queued ones stand, as many in each
};

// What the measured calls need to know of a store.
struct Filled {
  StoreSize size;
  std::vector<Uuid> finished;  // some of them, from the whole history
  std::vector<Uuid> queued;    // some of them, from all lines and places
  WallTime last_ones;          // a few hundred jobs were submitted since
};

inline constexpr int kWorkers = 4;

// However large the store: so many jobs of kRareUser wait, as many have finished, and so many of
// kCommonUser, who has a quarter of the others, were stopped; all of them spread evenly.
inline constexpr int kRareJobs = 20;
inline constexpr const char* kRareUser = "rare";
inline constexpr const char* kCommonUser = "user-1";

// "bench-1" to "bench-4": finished jobs ran there.
std::string worker_name(int number);

// Makes a store in this folder, which exists and is empty. Aborts if that fails.
Filled fill_store(const std::string& folder, const StoreSize& size);

}  // namespace takt::bench
