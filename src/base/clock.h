// SPDX-License-Identifier: Apache-2.0
// The two clocks that takt uses. Durations and deadlines: BootClock (runs on through suspend, never
// jumps). Display and what must outlive a reboot: the wall clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace takt {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// CLOCK_BOOTTIME as a std::chrono clock.
struct BootClock {
  using duration = nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now();
};

using BootTime = BootClock::time_point;
using WallTime = std::chrono::time_point<std::chrono::system_clock, microseconds>;

inline constexpr std::int64_t kUsPerSecond = 1'000'000;

// The wall clock now, to the microsecond.
WallTime wall_now();

// Microseconds since 1970; the form in which wall times are stored.
std::int64_t to_unix_us(WallTime time);
WallTime from_unix_us(std::int64_t us);

// This boot's id (32 hex digits with dashes, from the kernel). The same for the life of the system;
// empty where /proc does not tell.
const std::string& boot_id();

}  // namespace takt
