// SPDX-License-Identifier: Apache-2.0
// Whether the wall clock may be believed where history is deleted by its age. Guarantees: after a
// jump ahead that the boot clock does not explain, nothing may be deleted until both have agreed on
// the new time for limits::kClockAgreement, the jump is taken back, or the time is confirmed; that
// holds over restarts and reboots, if memory() is kept. A clock that is behind deletes nothing
// early, so it stops nothing. Pure: the clocks are passed in. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace takt {

// Both clocks at one moment.
struct ClockReading {
  WallTime wall;
  BootTime boot;
  std::string boot_id;  // in which `boot` counts
  friend bool operator==(const ClockReading&, const ClockReading&) = default;
};

// The host's clocks now.
ClockReading read_clocks();

std::string encode(const ClockReading& reading);
// kDataLoss for anything but what encode() made.
Result<ClockReading> decode_clock_reading(std::string_view record);

class ClockGuard {
 public:
  // What has to outlive the daemon.
  struct Memory {
    ClockReading trusted;               // the time that is believed, when it was last looked at
    std::optional<ClockReading> other;  // the time since a jump that is not believed yet
    microseconds agreed{0};             // for how long both clocks have agreed on that
    friend bool operator==(const Memory&, const Memory&) = default;
  };

  // Without memory the first reading is believed.
  explicit ClockGuard(std::optional<Memory> memory) : memory_(std::move(memory)) {}

  // Compares a reading, not older than the last one, with what came before. `age`: how old history
  // gets. In one boot a jump of half of that, from limits::kClockJumpMin to limits::kClockJump, is
  // too much. Over a reboot the time that the host was off looks like a jump: there it is
  // half of `age`, and at least as much as in one boot.
  void look(const ClockReading& now, microseconds age);

  // The time of this reading is right.
  void confirm(const ClockReading& now);

  // As of the last reading: whether history may be deleted by its age, how far the wall clock is
  // ahead of what is believed, and for how long the clocks still have to agree.
  [[nodiscard]] bool may_delete() const { return may_delete_; }
  [[nodiscard]] microseconds ahead() const { return ahead_; }
  [[nodiscard]] microseconds left() const;

  // After the first reading.
  [[nodiscard]] const Memory& memory() const { return *memory_; }

 private:
  void believe(const ClockReading& now);

  std::optional<Memory> memory_;
  bool may_delete_ = true;
  microseconds ahead_{0};
};

// Whether two readings of one boot agree on the time, as far as history of that age needs it.
bool agree(const ClockReading& before, const ClockReading& now, microseconds age);

std::string encode(const ClockGuard::Memory& memory);
// kDataLoss for anything but what encode() made.
Result<ClockGuard::Memory> decode_clock_memory(std::string_view record);

}  // namespace takt
