// SPDX-License-Identifier: Apache-2.0
#include "worker/holdouts.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include "worker/usage.h"

namespace takt::worker {
namespace {

std::string described(const RemainingProcess& process) {
  std::string text = std::to_string(process.pid) + " " + process.name + " (state " + process.state;
  if (!process.wait_channel.empty()) text += ", waits in " + process.wait_channel;
  return text + ")";
}

}  // namespace

Holdouts::Holdouts(Core& core) : core_(core) {
  core_.on_change.push_back([this](const LivePtr& live) {
    if (live->record.state != JobState::kEnding || live->holdouts_timer) return;
    live->ending_since = BootClock::now();
    const microseconds grace =
        live->stop && live->stop->grace ? *live->stop->grace : live->acceptance.spec.stop.grace;
    look_in(live, grace + limits::kStragglerGrace + limits::kHoldoutsAfter);
  });
}

void Holdouts::look_in(const LivePtr& live, nanoseconds pause) {
  live->holdouts_timer = core_.loop.add_timer(pause, [this, pause, weak = std::weak_ptr(live)] {
    if (const LivePtr found = weak.lock()) look(found, pause);
  });
}

void Holdouts::look(const LivePtr& live, nanoseconds pause) {
  if (live->step == Step::kEnded) return;
  refresh_usage(*live);
  if (!live->record.remaining.empty()) {
    std::string names;
    for (const RemainingProcess& process : live->record.remaining)
      names += (names.empty() ? "" : ", ") + described(process);
    log_warning("job " + live->record.id.str() + " is ending for " +
                    format_duration(live->record.remaining.front().waited) +
                    ", but processes do not go: " + names,
                fields_of(*live, kHoldoutsId));
    core_.changed(live);
  }
  look_in(live, std::min<nanoseconds>(pause * 2, limits::kHoldoutsPauseMax));
}

}  // namespace takt::worker
