// SPDX-License-Identifier: Apache-2.0
// Jobs that have parts: how their parts stand, which of them may stand in line (at most N at once),
// and when the last one has ended. Guarantees: of a job's parts, those with lower indexes come
// first; a part that does not want to run gives its place to the next. Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/uuid.h"
#include "job/job.h"

namespace takt::scheduler {

class Wholes {
 public:
  struct Whole {
    PartCounts counts;
    int max_running = 0;                 // 0: no bound
    int admitted = 0;                    // parts that stand in line or are on workers
    std::map<std::int64_t, Uuid> live;   // parts that have not ended, by number
    std::map<std::int64_t, Uuid> waits;  // those of them that wait for a place
    std::optional<JobEnd> early_end;     // of all that has not run
  };

  // A job with parts, of which `ended` have ended already.
  Whole& add(const Uuid& whole, int max_running, const PartCounts& ended);
  void remove(const Uuid& whole) { wholes_.erase(whole); }
  void clear() { wholes_.clear(); }
  [[nodiscard]] Whole* find(const Uuid& whole);

  // A part that has not ended.
  static void add_part(Whole& whole, std::int64_t number, const Job& part);

  // A part's state has changed; the whole's live parts are in step.
  static void moved(Whole& whole, std::int64_t number, JobState before, JobState after);

  // Gives a place to a part that wants to run, or lets it wait for one. `admitted` is the part's.
  // True if it has a place.
  static bool admit(Whole& whole, std::int64_t number, const Uuid& part, bool& admitted);

  // Takes the place of a part that does not want to run now. The part that has it from now on, if
  // one waited.
  static std::optional<Uuid> dismiss(Whole& whole, std::int64_t number, bool& admitted);

  // How the whole has ended, of which no part lives.
  static JobEnd end_of(const Whole& whole, const Job& job);

 private:
  static bool has_place(const Whole& whole) {
    return whole.max_running == 0 || whole.admitted < whole.max_running;
  }

  std::unordered_map<Uuid, Whole> wholes_;
};

}  // namespace takt::scheduler
