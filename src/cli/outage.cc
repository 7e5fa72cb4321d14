// SPDX-License-Identifier: Apache-2.0
#include "cli/outage.h"

#include <algorithm>

namespace takt::cli {

bool Outage::wait(Interrupts& interrupts, const std::string& what) {
  const BootTime now = BootClock::now();
  if (!since_) since_ = now;
  if (now - *since_ >= limits::kClientOutagePatience) return false;
  if (!told_ && now - *since_ >= limits::kClientTellAfter) {
    console_.note("lost contact (" + what + "); trying again. The job is not touched by that.");
    told_ = true;
  }
  interrupts.wait(pause_);
  pause_ = std::min<milliseconds>(pause_ * 2, limits::kClientPauseMax);
  return true;
}

nanoseconds Outage::lasted() const { return since_ ? BootClock::now() - *since_ : nanoseconds(0); }

void Outage::over() {
  if (told_) console_.note("contact is back.");
  since_.reset();
  told_ = false;
  pause_ = limits::kClientPauseMin;
}

}  // namespace takt::cli
