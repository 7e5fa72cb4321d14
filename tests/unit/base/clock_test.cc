// SPDX-License-Identifier: Apache-2.0
// Whatever numbers are read, no time and no span made of them overflows.
#include "base/clock.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/time_text.h"
#include "base/units.h"

namespace takt {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

TEST(Clock, TimesFromNumbersAreWithinTheCalendar) {
  EXPECT_EQ(from_unix_us(kMost), kWallTimeMax);
  EXPECT_EQ(from_unix_us(kLeast), kWallTimeMin);
  EXPECT_EQ(from_unix_us(-1), WallTime(microseconds(-1)));
  EXPECT_EQ(from_unix_time(kMost, std::numeric_limits<std::int32_t>::max()), kWallTimeMax);
  EXPECT_EQ(from_unix_time(kLeast, kLeast), kWallTimeMin);
  EXPECT_EQ(from_unix_time(1, 2'999), WallTime(microseconds(1'000'002)));
  EXPECT_EQ(format_time_utc(kWallTimeMax), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_time_utc(kWallTimeMin), "1-01-01T00:00:00.000000Z");
}

TEST(Clock, SpansBetweenTimesSaturate) {
  const WallTime now = from_unix_us(1'795'336'084'500'000);
  EXPECT_EQ(time_between(now, now + seconds(3)), seconds(3));
  EXPECT_EQ(time_between(now + seconds(3), now), -seconds(3));
  for (const WallTime far :
       {kWallTimeMax, WallTime::max(), now + std::chrono::hours(24 * 365 * 300)})
    EXPECT_GT(time_between(now, far), std::chrono::hours(24 * 365 * 290));
  for (const WallTime far : {kWallTimeMin, WallTime::min()})
    EXPECT_LT(time_between(now, far), -std::chrono::hours(24 * 365 * 290));
  EXPECT_LT(time_between(WallTime::max(), WallTime::min()), nanoseconds(0));
}

TEST(Clock, ADelayEndsWithTheClock) {
  EXPECT_EQ(boot_time_after(nanoseconds::max()), BootTime::max());
  EXPECT_GE(boot_time_after(seconds(1)), BootClock::now() + milliseconds(1));
  EXPECT_LT(boot_time_after(nanoseconds::min()), BootTime());
}

// Texts are for people and for files; both are written whatever the time is.
TEST(Clock, AnyTimeHasAText) {
  for (const std::int64_t us : std::vector<std::int64_t>{kLeast, -1'500'000, -1, 0, 1, kMost}) {
    const WallTime time = from_unix_us(us);
    EXPECT_FALSE(format_time(time).empty());
    EXPECT_EQ(format_time_exact(time).find(".-"), std::string::npos) << format_time_exact(time);
  }
  EXPECT_EQ(format_time_utc(from_unix_us(-1'500'000)), "1969-12-31T23:59:58.500000Z");
}

}  // namespace
}  // namespace takt
