// SPDX-License-Identifier: Apache-2.0
// Lost contact, as a follower sees it. Guarantees: back-off is bounded; the user is told once if it
// takes long, and once when it is over; after limits::kClientOutagePatience it is given up.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/console.h"

namespace takt::cli {

class Outage {
 public:
  explicit Outage(Console& console) : console_(console) {}

  // A try failed with this text. Waits before the next one; false if it is time to give up. A
  // signal ends the wait.
  bool wait(Interrupts& interrupts, const std::string& what);

  // How long it lasts; 0 if there is none.
  [[nodiscard]] nanoseconds lasted() const;

  // Contact is there.
  void over();

 private:
  Console& console_;
  std::optional<BootTime> since_;
  milliseconds pause_ = limits::kClientPauseMin;
  bool told_ = false;
};

}  // namespace takt::cli
