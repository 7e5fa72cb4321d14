// SPDX-License-Identifier: Apache-2.0
// When the wall clock is believed where history is deleted by its age. Both clocks are the test's.
#include "base/clock_guard.h"

#include <gtest/gtest.h>

namespace takt {
namespace {

using namespace std::chrono_literals;

constexpr microseconds kAge = 24h * 30;  // how old history gets

class ClockGuardTest : public testing::Test {
 protected:
  ClockGuardTest() { look(); }

  // Both clocks run on, and the wall clock jumps on top of that.
  bool look(microseconds ran = 0s, microseconds jump = 0s) {
    now_.boot += ran;
    now_.wall += ran + jump;
    guard_.look(now_, kAge);
    return guard_.may_delete();
  }
  // The daemon restarts, and all that is left is on disk.
  void restart() {
    const auto memory = decode_clock_memory(encode(guard_.memory()));
    ASSERT_TRUE(memory.ok()) << memory.error().message;
    EXPECT_EQ(*memory, guard_.memory());
    guard_ = ClockGuard(*memory);
  }
  // So does the host, after it was off for that time by its wall clock.
  void reboot(microseconds off) {
    restart();
    now_ = {now_.wall + off, BootTime(), now_.boot_id + "'"};
  }

  ClockReading now_{from_unix_us(1'795'000'000'000'000), BootTime(5h), "boot"};
  ClockGuard guard_{std::nullopt};
};

TEST_F(ClockGuardTest, ClocksThatRunOnAreBelieved) {
  EXPECT_TRUE(look(10min));
  EXPECT_TRUE(look(24h * 60)) << "suspended: the boot clock runs on";
  restart();
  EXPECT_TRUE(look(24h * 60));
  EXPECT_EQ(guard_.ahead(), 0s);
  EXPECT_EQ(guard_.left(), 0s);
}

TEST_F(ClockGuardTest, SmallStepsAreBelievedUntilTheyAddUp) {
  EXPECT_TRUE(look(10min, 1s));
  EXPECT_TRUE(look(10min, 40min));
  EXPECT_TRUE(look(10min, -20min));
  EXPECT_TRUE(look(10min, 30min));
  EXPECT_FALSE(look(10min, 30min));
}

TEST_F(ClockGuardTest, AfterAJumpBothClocksHaveToAgreeForADay) {
  EXPECT_FALSE(look(10min, 24h * 365));
  EXPECT_EQ(guard_.ahead(), 24h * 365);
  EXPECT_EQ(guard_.left(), 24h);
  EXPECT_FALSE(look(12h));
  EXPECT_FALSE(look(12h - 1s));
  EXPECT_EQ(guard_.left(), 1s);
  EXPECT_TRUE(look(1s));
  EXPECT_TRUE(look(10min));
}

TEST_F(ClockGuardTest, AnotherJumpBeginsTheDayAgain) {
  EXPECT_FALSE(look(10min, 24h * 365));
  EXPECT_FALSE(look(23h));
  EXPECT_FALSE(look(10min, 24h * 365));
  EXPECT_FALSE(look(23h));
  EXPECT_TRUE(look(1h));
}

TEST_F(ClockGuardTest, AJumpThatIsTakenBackIsOver) {
  EXPECT_FALSE(look(10min, 24h * 365));
  EXPECT_FALSE(look(10min));
  EXPECT_TRUE(look(10min, -24h * 365));
  EXPECT_EQ(guard_.left(), 0s);
}

TEST_F(ClockGuardTest, RestartsAndRebootsForgetNeitherJumpNorDay) {
  EXPECT_FALSE(look(10min, 24h * 365));
  restart();
  EXPECT_FALSE(look(20h));
  reboot(5min);
  EXPECT_FALSE(look(1min));
  EXPECT_FALSE(look(3h));
  EXPECT_TRUE(look(1h));
}

TEST_F(ClockGuardTest, AJumpWhileTheDaemonIsDownIsSeen) {
  restart();
  EXPECT_FALSE(look(10min, 2h));
}

TEST_F(ClockGuardTest, AHostMayBeOffForHalfTheAgeOfHistory) {
  reboot(24h * 14);
  EXPECT_TRUE(look(1min));
  reboot(24h * 16);
  EXPECT_FALSE(look(1min));
  EXPECT_FALSE(look(23h));
  EXPECT_TRUE(look(1h));
}

TEST_F(ClockGuardTest, AClockThatIsBehindStopsNothingAndMayComeBack) {
  reboot(-24h * 365 * 50);  // a host that does not keep its time
  EXPECT_TRUE(look(1min));
  EXPECT_TRUE(look(1min, 24h * 365 * 50 + 24h)) << "back, after a day off";
  EXPECT_TRUE(look(10min));
  reboot(-24h * 365 * 50);
  EXPECT_TRUE(look(1min));
  EXPECT_FALSE(look(1min, 24h * 365 * 51)) << "past what it was before";
}

TEST_F(ClockGuardTest, AClockThatStaysBehindIsBelievedAfterADay) {
  EXPECT_TRUE(look(10min, -24h * 10));
  EXPECT_TRUE(look(24h));
  EXPECT_FALSE(look(10min, 24h * 10)) << "the earlier time is no more expected";
}

TEST_F(ClockGuardTest, AConfirmedTimeIsBelievedAtOnce) {
  EXPECT_FALSE(look(10min, 24h * 365));
  guard_.confirm(now_);
  EXPECT_TRUE(guard_.may_delete());
  EXPECT_TRUE(look(10min));
  EXPECT_FALSE(look(10min, 2h)) << "that one, and no other";
}

TEST(ClockGuard, WhereHistoryIsShortASmallerJumpIsTooMuch) {
  const ClockReading start{from_unix_us(1'795'000'000'000'000), BootTime(5h), "boot"};
  const auto after = [&](microseconds jump, microseconds age) {
    ClockGuard guard(std::nullopt);
    guard.look(start, age);
    guard.look({start.wall + 1s + jump, start.boot + 1s, "boot"}, age);
    return guard.may_delete();
  };
  EXPECT_TRUE(after(14min, 30min));
  EXPECT_FALSE(after(16min, 30min));
  EXPECT_TRUE(after(59s, 1s)) << "clocks are set by seconds";
  EXPECT_FALSE(after(61s, 1s));
}

TEST(ClockGuard, DamagedRecordsAreRefused) {
  const ClockReading reading{from_unix_us(1), BootTime(2ns), "boot"};
  const std::string record = encode(ClockGuard::Memory{.trusted = reading, .other = reading});
  EXPECT_TRUE(decode_clock_memory(record).ok());
  EXPECT_FALSE(decode_clock_memory(record.substr(0, record.size() - 1)).ok());
  EXPECT_FALSE(decode_clock_reading(record).ok()) << "another kind";
  EXPECT_EQ(decode_clock_reading(encode(reading)).value(), reading);
}

}  // namespace
}  // namespace takt
