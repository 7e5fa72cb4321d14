// SPDX-License-Identifier: Apache-2.0
// Brings waiting jobs to workers (the decision is job/placement). Guarantees: a worker that refused
// a start is left alone by jobs of that demand until it says otherwise or the time has come. Loop
// thread only.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/clock.h"
#include "base/uuid.h"
#include "job/placement.h"
#include "job/queue.h"
#include "sd/event_loop.h"

namespace takt::scheduler {

class Dispatcher {
 public:
  // `place` is called for each decision; it puts the job there. Loop and queue outlive this.
  Dispatcher(sd::EventLoop& loop, Queue& queue, Placer::Place place);

  // Who offers what, and what is taken of it.
  [[nodiscard]] Placer& placer() { return placer_; }
  [[nodiscard]] const Placer& placer() const { return placer_; }

  // Not to be tried for this line before `until`.
  void exclude(const Uuid& worker, const Queue::Line& line, BootTime until);

  // The worker has news of what it has: it may be tried again.
  void readmit(const Uuid& worker);

  // Runs a pass: at the end of each turn of the loop. Costs nothing where nothing has changed.
  void run();

  void clear();

 private:
  using Pair = std::pair<Uuid, std::uint64_t>;  // worker, line

  [[nodiscard]] bool excluded(const Uuid& worker, std::uint64_t line) const;
  void expire();
  void arm();

  sd::EventLoop& loop_;
  const Placer::Place place_;
  Placer placer_;
  std::map<Pair, BootTime> excluded_;
  BootTime now_{};  // of the pass
  sd::Source again_;
  sd::Source more_;
};

}  // namespace takt::scheduler
