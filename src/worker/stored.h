// SPDX-License-Identifier: Apache-2.0
// Attempts as the files tell them, for those that are no longer looked after.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "attempt/records.h"
#include "base/limits.h"
#include "base/result.h"
#include "job/job.h"
#include "worker/acceptance.h"
#include "worker/state_folder.h"

namespace takt::worker {

// What is known of an attempt from its acceptance alone.
Attempt accepted_attempt(const AttemptId& id, const Acceptance& acceptance);

// How the attempt of this record got its cgroup.
Launcher launcher_of(const attempt::SupervisorRecord& supervisor);

// An ended attempt with its end. kNotFound if it is not on this worker, is another owner's or has
// no end.
Result<Attempt> stored_attempt(const StateFolder& state, const AttemptKey& key);

// Which attempts a page of the history has.
struct HistoryRange {
  std::optional<AttemptId> after;  // those with a greater id; none: from the first on
  std::size_t attempts_max = 0;    // above 0
  std::set<AttemptId> live;        // on the page, but not read
};

struct HistoryEntry {
  AttemptId id;
  // None: the attempt is live, has no end, or its records cannot be read.
  struct Read {
    Attempt attempt;
    Acceptance acceptance;  // its spec has `readers` only
  };
  std::optional<Read> read;
};

struct HistoryPage {
  std::vector<HistoryEntry> entries;    // by id
  std::optional<AttemptId> next_after;  // where the next page begins; none: this is the last one
};

// One page of what is in the state folder. It ends early after kHistoryPageBytes of specs, so that
// its cost is bounded. Reads the list of jobs once, and the records of each attempt once. Blocks on
// the disk; any thread.
inline constexpr std::size_t kHistoryPageBytes = 8 * limits::kSpecMaxBytes;
Result<HistoryPage> read_history_page(const StateFolder& state, const HistoryRange& range);

}  // namespace takt::worker
