// SPDX-License-Identifier: Apache-2.0
// Keeps the history of ended jobs within bounds of age and number, and the store below its own.
// Guarantees: only jobs that have ended go, with their specs, labels and attempts, by number the
// oldest first; where the store has too little room left, scripts and stdin_data of ended jobs go
// first, the oldest first, and jobs only when none of these is left; a step looks at a
// bounded number of ended jobs, removes at most limits::kPurgeStep in one commit, and costs the
// same however long the history is and however many old jobs live. It finds them by walks along the
// index of states, one for each bound, whose places are kept in memory. Parts go with the job
// that they are parts of. Of the writer's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/connection.h"
#include "store/types.h"

namespace takt::store {

class Purge {
 public:
  explicit Purge(const HistoryLimits& limits) : limits_(limits) {}

  // Other bounds; all walks begin again.
  void set_limits(const HistoryLimits& limits);

  // Forgets what is known of the database: it was loaded anew.
  void restart();

  // While on, no job goes because of its age.
  void keep_old(bool on) { keep_old_ = on; }

  // How old a job may get.
  [[nodiscard]] microseconds age() const { return std::max(limits_.age_max, limits_.age_min); }

  // So many jobs more have ended, the oldest with that number, and that is committed.
  void on_ended(std::int64_t jobs, std::int64_t oldest_number);

  // From when on a step is worth it; long ago if there is work now.
  [[nodiscard]] WallTime due() const;

  // What the database takes now (Connection::used_bytes).
  void set_used(std::int64_t bytes);

  struct Gone {
    std::size_t jobs = 0;
    std::size_t inputs = 0;  // jobs that lost their script and stdin_data
  };
  // One step, with its own transaction if there is something to remove; returns what was removed.
  // The first one counts what is there. Errors as of a commit; then nothing is removed.
  Result<Gone> step(Connection& connection, WallTime now);

 private:
  // An ended job that the walk has come to.
  struct Row {
    std::int64_t number = 0;
    WallTime end_time;
    std::int64_t bytes = 0;        // of its spec
    std::int64_t input_bytes = 0;  // of these, script and stdin_data
    std::int64_t parts = 0;
    bool may_go = false;
  };
  struct Removed {
    std::int64_t jobs = 0;                   // parts, too
    std::optional<std::int64_t> unfinished;  // a whole of which parts are left
  };
  struct Walk {
    std::int64_t cursor = 0;  // the number of the last job that was looked at
    WallTime next;            // when it goes on
    WallTime begin;           // when it was at the first job
    WallTime oldest_left;     // the earliest end of what it has left there
  };

  [[nodiscard]] bool crowded() const { return ended_ && *ended_ > limits_.jobs_max; }
  [[nodiscard]] bool tight() const {
    return limits_.store_max_bytes > 0 && used_ > eighths_of(limits_.store_max_bytes, kRoomEighths);
  }
  void begin_walks();
  static std::vector<Row> look(Connection& connection, std::int64_t after);
  static Result<Removed> remove(Connection& connection, const std::vector<Row>& rows);
  Result<std::size_t> walk_by_number(Connection& connection, WallTime now);
  Result<std::size_t> walk_by_age(Connection& connection, WallTime now);
  Result<std::size_t> walk_for_inputs(Connection& connection);
  Result<std::size_t> walk_for_room(Connection& connection, WallTime now);

  HistoryLimits limits_;
  bool keep_old_ = false;
  std::optional<std::int64_t> ended_;  // jobs in the history; none: not counted yet
  Walk crowd_;
  Walk age_;
  std::int64_t used_ = 0;           // of the store, in bytes
  std::int64_t inputs_cursor_ = 0;  // no job up to here has an input that could go
  bool inputs_gone_ = false;        // nor has any other
  Walk room_;                       // only then
};

}  // namespace takt::store
