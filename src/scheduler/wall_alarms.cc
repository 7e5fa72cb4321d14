// SPDX-License-Identifier: Apache-2.0
#include "scheduler/wall_alarms.h"

#include <algorithm>

#include "base/limits.h"

namespace takt::scheduler {

void WallAlarms::set(const Uuid& job, WallTime when) {
  alarms_.emplace(when, job);
  if (when < armed_for_) arm();
}

void WallAlarms::cancel(const Uuid& job, WallTime when) { alarms_.erase({when, job}); }

void WallAlarms::clear() {
  alarms_.clear();
  timer_.reset();
  armed_for_ = WallTime::max();
}

// The loop's timers run on the boot clock; the wall clock may be set, so it is looked at now and
// then.
void WallAlarms::arm() {
  timer_.reset();
  armed_for_ = WallTime::max();
  if (alarms_.empty()) return;
  armed_for_ = alarms_.begin()->first;
  const auto ahead = std::clamp(time_between(wall_now(), armed_for_), nanoseconds(0),
                                nanoseconds(limits::kWallClockLook));
  timer_ = loop_.add_timer(ahead, [this] { ring(); });
}

void WallAlarms::ring() {
  const WallTime now = wall_now();
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    const Uuid job = alarms_.begin()->second;
    alarms_.erase(alarms_.begin());
    on_due_(job);
  }
  arm();
}

}  // namespace takt::scheduler
