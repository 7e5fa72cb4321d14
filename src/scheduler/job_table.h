// SPDX-License-Identifier: Apache-2.0
// The jobs that have not ended, in memory. Guarantees: every change goes through change(), which
// applies the event, gives it a revision, records it in the ledger and keeps the queue in step; an
// ended job stays until its end is committed, so that its end is acknowledged no sooner. A spec is
// kept in the store only; a job that waits takes less than 1 KiB. A queued job stands in its line
// unless it is held, or its time has not come. Loop thread only.
#pragma once

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
#include "scheduler/ledger.h"
#include "scheduler/wall_alarms.h"
#include "sd/event_loop.h"
#include "store/types.h"

namespace takt::scheduler {

struct LiveJob {
  std::int64_t number = 0;                 // its age
  Job job;                                 // without spec; only the last attempt
  Queue::Ticket ticket;                    // for its line
  std::optional<WallTime> queue_deadline;  // then it has waited too long
  std::optional<microseconds> lease;       // without contact, then it surely has ended
  std::optional<Rank> in_line;             // its place, while it stands in its line
  std::optional<WallTime> alarm;           // while it is queued: when to look at it again

  [[nodiscard]] Rank rank() const { return {job.priority, number}; }
  [[nodiscard]] const Demand& demand() const { return ticket.line()->demand; }
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

  // Takes a new job with its spec, records it and puts it into the queue. Gives its number.
  std::int64_t add(Job job, WallTime now);

  // Takes over what was alive in the store; nothing is recorded.
  void restore(std::vector<store::LiveJob> jobs);

  // Forgets all; nothing is recorded and no hook is called.
  void clear();

  [[nodiscard]] LiveJob* find(const Uuid& id);

  // Applies the event; false if it changed nothing.
  bool change(LiveJob& live, const JobEvent& event);

  [[nodiscard]] Queue& queue() { return queue_; }
  [[nodiscard]] const Queue& queue() const { return queue_; }
  [[nodiscard]] std::size_t size() const { return jobs_.size(); }
  // Jobs with a live attempt.
  [[nodiscard]] std::size_t placed() const { return placed_; }
  // Queued jobs, whether or not they stand in a line.
  [[nodiscard]] std::size_t queued() const { return queued_; }
  // Jobs that this submitter has in the table.
  [[nodiscard]] std::size_t of_submitter(const std::string& submitted_by) const;

 private:
  LiveJob& insert(std::int64_t number, Job job);
  void follow(LiveJob& live, JobState before, const std::optional<Uuid>& worker_before);
  void stand_in_line(LiveJob& live);
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
  std::unordered_map<std::string, std::size_t> of_submitter_;
  WallAlarms alarms_;
  std::size_t placed_ = 0;
  std::size_t queued_ = 0;
};

}  // namespace takt::scheduler
