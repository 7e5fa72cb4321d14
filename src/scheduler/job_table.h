// SPDX-License-Identifier: Apache-2.0
// The jobs that have not ended, in memory. Guarantees: every change goes through change(), which
// applies the event, gives it a revision, records it in the ledger and keeps the queue in step; an
// ended job stays until its end is committed, so that its end is acknowledged no sooner. A spec is
// kept in the store only. Loop thread only.
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
#include "store/types.h"

namespace takt::scheduler {

struct LiveJob {
  std::int64_t number = 0;  // its age
  Job job;                  // without spec; only the last attempt
  Queue::Ticket ticket;     // for its line
};

class JobTable {
 public:
  struct Hooks {
    // A job takes a slot of a worker from now on, or not any more.
    std::function<void(const Uuid& worker, const Uuid& job)> on_occupied;
    std::function<void(const Uuid& worker, const Uuid& job)> on_vacated;
    // A job came into the queue.
    std::function<void()> on_queued;
    // A job changed; still in the table.
    std::function<void(const LiveJob&)> on_changed;
    // A job's end is committed; it is not in the table any more.
    std::function<void(const Uuid& job)> on_gone;
  };

  JobTable(Ledger& ledger, Hooks hooks);
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

  [[nodiscard]] const Queue& queue() const { return queue_; }
  [[nodiscard]] std::size_t size() const { return jobs_.size(); }
  // Jobs with a live attempt.
  [[nodiscard]] std::size_t placed() const { return placed_; }

 private:
  void follow(LiveJob& live, JobState before, const std::optional<Uuid>& worker_before);
  void record_end(const LiveJob& live);
  static std::optional<Uuid> occupied(const Job& job);

  Ledger& ledger_;
  const Hooks hooks_;
  Queue queue_;  // outlives the tickets in jobs_
  std::unordered_map<Uuid, LiveJob> jobs_;
  std::size_t placed_ = 0;
};

}  // namespace takt::scheduler
