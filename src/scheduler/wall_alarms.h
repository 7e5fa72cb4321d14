// SPDX-License-Identifier: Apache-2.0
// Wakes jobs at times of the wall clock: when they may start, when they have waited long enough.
// Guarantees: an alarm comes at its time or up to half a minute later should the clock be set
// forward meanwhile, never before; a step for each alarm that is due, none for the others. Loop
// thread only.
#pragma once

#include <functional>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/uuid.h"
#include "sd/event_loop.h"

namespace takt::scheduler {

class WallAlarms {
 public:
  // The loop outlives it.
  WallAlarms(sd::EventLoop& loop, std::function<void(const Uuid&)> on_due)
      : loop_(loop), on_due_(std::move(on_due)) {}

  void set(const Uuid& job, WallTime when);
  void cancel(const Uuid& job, WallTime when);
  void clear();

 private:
  void ring();
  void arm();

  sd::EventLoop& loop_;
  const std::function<void(const Uuid&)> on_due_;
  std::set<std::pair<WallTime, Uuid>> alarms_;
  WallTime armed_for_ = WallTime::max();
  sd::Source timer_;
};

}  // namespace takt::scheduler
