// SPDX-License-Identifier: Apache-2.0
// The statements that put a batch into the database. Inside a transaction of the caller's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "store/connection.h"
#include "store/types.h"

namespace takt::store {

// Gives how many jobs end with it. Throws what SQLiteCpp throws: call it inside guarded().
std::int64_t write_batch(Connection& connection, const Batch& batch);

// Keeps `events` and `requests` bounded, in steps that are bounded too. Revisions are counted, not
// subtracted: each scheduler begins with a larger one (load_snapshot), and how many are missing
// between the oldest and the newest event is kept in `meta`.
class HistoryTrimmer {
 public:
  explicit HistoryTrimmer(std::size_t keep) : keep_(static_cast<std::int64_t>(keep)) {}

  // Before an event with this revision is written. Throws as write_batch.
  static void note_gap(Connection& connection, std::int64_t next);

  // Removes what is older than the newest `keep` revisions, at most a few times what `added` came
  // in. Throws as write_batch.
  void trim(Connection& connection, std::int64_t newest, std::size_t added);

 private:
  const std::int64_t keep_;
};

}  // namespace takt::store
