// SPDX-License-Identifier: Apache-2.0
// The jobs that have not ended, in memory. Guarantees: every change goes through change(), which
// applies the event, gives it a revision, records it in the ledger and keeps the queue in step; an
// ended job stays until its end is committed, so that its end is acknowledged no sooner. A spec is
// kept in the store only; a job that waits takes less than 1 KiB. A queued job stands in its line
// unless it is held, its time has not come, it waits for another job, or as many parts of its whole
// as may run at once come before it. A job with parts changes with them, and ends with the last.
// Loop thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "job/job.h"
#include "job/queue.h"
#include "scheduler/dependencies.h"
#include "scheduler/ledger.h"
#include "scheduler/wall_alarms.h"
#include "scheduler/wholes.h"
#include "sd/event_loop.h"
#include "store/types.h"

namespace takt::scheduler {

struct LiveJob {
  std::int64_t number = 0;                 // its age
  Job job;                                 // without spec; only the last attempt
  Queue::Ticket ticket;                    // for its line
  std::optional<WallTime> queue_deadline;  // then it has waited too long for its first run
  std::optional<microseconds> lease;       // without contact, then it surely has ended
  std::optional<Rank> in_line;             // its place, while it stands in its line
  std::optional<WallTime> alarm;           // while it is queued: when to look at it again
  bool admitted = false;                   // a part: has one of the places of its whole
  std::uint32_t spec_bytes = 0;            // stored_bytes(); a part has its whole's

  // When it is given up, if it still waits then: never, once it has run.
  [[nodiscard]] std::optional<WallTime> give_up_time() const;
  [[nodiscard]] Rank rank() const { return {job.priority, number}; }
  [[nodiscard]] const Demand& demand() const { return ticket.line()->demand; }
};

// What one submitter has in the table.
struct Holdings {
  std::size_t jobs = 0;
  std::size_t spec_bytes = 0;
};

class JobTable {
 public:
  struct Hooks {
    // A job takes a slot of a worker from now on, or not any more.
    std::function<void(const Uuid& worker, const LiveJob&)> on_occupied;
    std::function<void(const Uuid& worker, const LiveJob&)> on_vacated;
    // A job changed; still in the table.
    std::function<void(const LiveJob&)> on_changed;
    // A job's end is committed; it is not in the table any more.
    std::function<void(const Uuid& job)> on_gone;
  };

  // Loop and ledger outlive it.
  JobTable(sd::EventLoop& loop, Ledger& ledger, Hooks hooks);
  ~JobTable() { clear(); }
  JobTable(const JobTable&) = delete;
  JobTable& operator=(const JobTable&) = delete;

  // Takes a new job with its spec, records it and puts it into the queue, behind the jobs of the
  // table that it depends on. A whole comes before its parts. Gives its number.
  std::int64_t add(Job job, WallTime now);

  // Ends a job that has not run, or all parts of one that have not.
  void end_early(LiveJob& live, const JobEnd& end);

  // Takes over what was alive in the store; nothing is recorded.
  void restore(std::vector<store::LiveJob> jobs);

  // Forgets all; nothing is recorded and no hook is called.
  void clear();

  [[nodiscard]] LiveJob* find(const Uuid& id);
  [[nodiscard]] const Dependencies& dependencies() const { return dependencies_; }
  // Of a job with parts, else null.
  [[nodiscard]] const Wholes::Whole* whole(const Uuid& id) { return wholes_.find(id); }

  // Applies the event; false if it changed nothing.
  bool change(LiveJob& live, const JobEvent& event);

  [[nodiscard]] Queue& queue() { return queue_; }
  [[nodiscard]] const Queue& queue() const { return queue_; }
  [[nodiscard]] std::size_t size() const { return jobs_.size(); }
  // Jobs with a live attempt.
  [[nodiscard]] std::size_t placed() const { return placed_; }
  // Jobs in this state, which is none of an end. Queued ones, whether or not they
  // stand in a line; of those with parts, the parts.
  [[nodiscard]] std::size_t in_state(JobState state) const {
    return in_state_[static_cast<std::size_t>(state)];
  }
  [[nodiscard]] Holdings of_submitter(const std::string& submitted_by) const;
  // Of all submitters.
  [[nodiscard]] std::size_t spec_bytes() const;

 private:
  static constexpr std::size_t kLiveStates = static_cast<std::size_t>(JobState::kSucceeded);

  void depend(const Uuid& id, const std::vector<Dependency>& dependencies);
  // `spec_bytes` is 0 for a part.
  LiveJob& insert(std::int64_t number, Job job, const std::optional<PartCounts>& parts,
                  std::size_t spec_bytes);
  void count(const Job& job, JobState state, std::ptrdiff_t by);
  void follow(LiveJob& live, JobState before, const std::optional<Uuid>& worker_before);
  void follow_part(const LiveJob& live, JobState before);
  void stand_in_line(LiveJob& live);
  void stand_in_line_with_parts(LiveJob& live);
  bool take_place(LiveJob& live, bool wants);
  [[nodiscard]] bool is_blocked(const Job& job) const;
  void tell_dependants();
  void tell_dependant(const Dependencies::Waiter& waiter, const Job& ended);
  void occupy(LiveJob& live, const std::optional<Uuid>& before);
  void on_alarm(const Uuid& id);
  void tell_retry(const LiveJob& live);
  void record_end(const LiveJob& live);
  void remove(std::unordered_map<Uuid, LiveJob>::iterator found);
  static std::optional<Uuid> occupied(const Job& job);

  Ledger& ledger_;
  const Hooks hooks_;
  Queue queue_;  // outlives the tickets in jobs_
  std::unordered_map<Uuid, LiveJob> jobs_;
  std::unordered_map<std::string, Holdings> of_submitter_;
  WallAlarms alarms_;
  Wholes wholes_;
  Dependencies dependencies_;
  std::vector<Job> ended_;  // whose dependants are to be told
  bool telling_ = false;
  std::size_t placed_ = 0;
  std::array<std::size_t, kLiveStates> in_state_{};
};

}  // namespace takt::scheduler
