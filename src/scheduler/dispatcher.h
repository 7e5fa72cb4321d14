// SPDX-License-Identifier: Apache-2.0
// Brings waiting jobs to workers: first in, first out, to the least loaded worker that fits (the
// decision is job/placement). Guarantees: a pass runs only when something changed that may matter;
// a worker that refused a start is left alone by jobs of that demand until it says otherwise or the
// time has come. Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "job/placement.h"
#include "job/queue.h"
#include "job/worker.h"
#include "sd/event_loop.h"

namespace takt::scheduler {

class Dispatcher {
 public:
  // Called for each decision; it puts the job there (which takes it out of the queue).
  using Place = std::function<void(const Uuid& job, const Uuid& worker)>;

  Dispatcher(sd::EventLoop& loop, const Queue& queue, Place place);

  // What a worker offers now; `available`: it may be sent jobs. `taken`: its live attempts.
  void set_offer(const WorkerRecord& worker, bool available, std::size_t taken);

  // The same worker, one attempt more or less.
  void set_taken(const Uuid& worker, std::size_t taken);

  // Not to be tried for this line before `until`.
  void exclude(const Uuid& worker, const Queue::Line* line, BootTime until);

  // The worker has news of what it has: it may be tried again.
  void readmit(const Uuid& worker);

  // A job came into the queue.
  void wake() { dirty_ = true; }

  // Runs a pass if there is a reason: at the end of each turn of the loop.
  void run();

  void clear();

 private:
  using Pair = std::pair<Uuid, const Queue::Line*>;

  bool excluded(const Offer& offer, const Queue::Line& line, BootTime now) const;
  void expire();
  void arm();

  sd::EventLoop& loop_;
  const Queue& queue_;
  const Place place_;
  std::vector<Offer> offers_;
  std::vector<int> direct_;  // slots that direct jobs take, by offer
  std::unordered_map<Uuid, std::size_t> index_;
  std::map<Pair, BootTime> excluded_;
  bool dirty_ = false;
  sd::Source again_;
};

}  // namespace takt::scheduler
