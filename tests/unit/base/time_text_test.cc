// SPDX-License-Identifier: Apache-2.0
#include "base/time_text.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <string>
#include <string_view>

namespace takt {
namespace {

// Runs with a time zone of its own.
class TimeText : public testing::Test {
 protected:
  void SetUp() override { zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  void TearDown() override { zone("UTC"); }
  static void zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  static WallTime parse(std::string_view text) {
    const auto time = parse_time(text, "since", kNow);
    EXPECT_TRUE(time.ok()) << text;
    return time ? *time : WallTime();
  }
  // 2026-11-22 08:28:04.5 UTC, 09:28:04.5 here.
  static constexpr WallTime kNow{microseconds(1'795'336'084'500'000)};
};

TEST_F(TimeText, IsLocalWithItsOffset) {
  EXPECT_EQ(format_time_exact(kNow), "2026-11-22T09:28:04.500+0100");
  EXPECT_EQ(format_time_exact(kNow - std::chrono::hours(24 * 150)), "2026-06-25T10:28:04.500+0200");
  EXPECT_EQ(parse(format_time_exact(kNow)), kNow);
}

TEST_F(TimeText, IsReadInManyForms) {
  const WallTime second = kNow - milliseconds(500);
  EXPECT_EQ(parse("2026-11-22 09:28:04"), second);
  EXPECT_EQ(parse("2026-11-22T09:28:04"), second);
  EXPECT_EQ(parse("2026-11-22 09:28"), second - seconds(4));
  EXPECT_EQ(parse("2026-11-22"), second - std::chrono::hours(9) - seconds(28 * 60 + 4));
  EXPECT_EQ(parse("09:28:04"), second);
  EXPECT_EQ(parse("09:28"), second - seconds(4));
  EXPECT_EQ(parse("2026-11-22T08:28:04Z"), second);
  EXPECT_EQ(parse("2026-11-22T08:28:04.5Z"), kNow);
  EXPECT_EQ(parse("2026-11-22T08:28:04.500000Z"), kNow);
  EXPECT_EQ(parse("2026-11-22T03:28:04.5-0500"), kNow);
  EXPECT_EQ(parse("2026-11-22T13:58:04.5+05:30"), kNow);
}

TEST_F(TimeText, ASpanIsAgo) {
  EXPECT_EQ(parse("10min"), kNow - std::chrono::minutes(10));
  EXPECT_EQ(parse("1h 30min"), kNow - std::chrono::minutes(90));
}

TEST_F(TimeText, WhatIsNoTimeIsRefusedWithTheForms) {
  for (const char* text :
       {"", "10", "yesterday", "2026-02-30", "2026-13-01", "2026-11-22 24:00", "9:28", "09:60",
        "2026-11-22 09:28:04 or so", "2026-11-22T09:28:04+1", "2026-11-22T", "100000d", "-5min"}) {
    const auto time = parse_time(text, "--since", kNow);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.error().field, "--since");
    EXPECT_NE(time.error().message.find("write for example 10min (ago)"), std::string::npos);
  }
}

}  // namespace
}  // namespace takt
