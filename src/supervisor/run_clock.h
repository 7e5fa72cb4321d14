// SPDX-License-Identifier: Apache-2.0
// The clock of the run time limit. Guarantees: while the job is frozen it stands still, unless
// paused time counts; it never starts anew.
#pragma once

#include <optional>

#include "base/clock.h"

namespace takt::supervisor {

class RunClock {
 public:
  RunClock(std::optional<microseconds> limit, bool count_paused, BootTime start)
      : count_paused_(count_paused) {
    if (limit) deadline_ = start + *limit;
  }

  // Told at every change, and as often as anybody likes; true if stood_still() has grown.
  bool set_frozen(bool frozen, BootTime now) {
    if (frozen == frozen_since_.has_value()) return false;
    if (frozen) {
      frozen_since_ = now;
      return false;
    }
    const auto span = std::chrono::duration_cast<microseconds>(now - *frozen_since_);
    frozen_since_.reset();
    if (!deadline_ || count_paused_) return false;
    *deadline_ += span;
    stood_still_ += span;
    return true;
  }

  // The length of all pauses that do not count, up to the last thaw.
  [[nodiscard]] microseconds stood_still() const { return stood_still_; }

  // When the limit is reached; none while the clock stands, or without a limit.
  [[nodiscard]] std::optional<BootTime> deadline() const {
    if (frozen_since_ && !count_paused_) return std::nullopt;
    return deadline_;
  }

 private:
  bool count_paused_;
  std::optional<BootTime> deadline_;
  std::optional<BootTime> frozen_since_;
  microseconds stood_still_{0};
};

}  // namespace takt::supervisor
