// SPDX-License-Identifier: Apache-2.0
// The two clocks that takt uses. Durations and deadlines: BootClock (runs on through suspend, never
// jumps). Display and what must outlive a reboot: the wall clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
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

// The years 1 to 9999, UTC: what the API's Timestamp and a calendar can hold. The difference of two
// such times fits `microseconds`.
inline constexpr WallTime kWallTimeMin{seconds(-62'135'596'800)};
inline constexpr WallTime kWallTimeMax{seconds(253'402'300'800) - microseconds(1)};

// Microseconds since 1970; the form in which wall times are stored.
inline std::int64_t to_unix_us(WallTime time) { return time.time_since_epoch().count(); }
// The nearest time from kWallTimeMin to kWallTimeMax.
inline WallTime from_unix_us(std::int64_t us) {
  return std::clamp(WallTime(microseconds(us)), kWallTimeMin, kWallTimeMax);
}
// The same, of a time in a file's or a message's own form.
inline WallTime from_unix_time(std::int64_t unix_seconds, std::int64_t nanos) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kUsPerSecond - 1;
  return from_unix_us(std::clamp(unix_seconds, -kMost, kMost) * kUsPerSecond +
                      std::clamp<std::int64_t>(nanos, 0, 999'999'999) / 1000);
}

// From `from` to `to`, in the unit of the loop's timers. Saturates after about 292 years.
inline nanoseconds time_between(WallTime from, WallTime to) {
  constexpr auto kMost = std::chrono::duration_cast<microseconds>(nanoseconds::max());
  const WallTime begin = std::clamp(from, kWallTimeMin, kWallTimeMax);
  const WallTime end = std::clamp(to, kWallTimeMin, kWallTimeMax);
  return std::clamp<microseconds>(end - begin, -kMost, kMost);
}

// `delay` from now on; the end of the clock if that is beyond it.
inline BootTime boot_time_after(nanoseconds delay) {
  const BootTime now = BootClock::now();
  return delay > BootTime::max() - now ? BootTime::max() : now + delay;
}

// This boot's id (32 hex digits with dashes, from the kernel). The same for the life of the system;
// empty where /proc does not tell.
const std::string& boot_id();

}  // namespace takt
