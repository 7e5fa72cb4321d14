// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gtest/gtest.h>

#include <string>

namespace takt {
namespace {

using namespace std::chrono_literals;

TEST(Bytes, Parses) {
  EXPECT_EQ(parse_bytes("0", "f").value(), 0U);
  EXPECT_EQ(parse_bytes("512", "f").value(), 512U);
  EXPECT_EQ(parse_bytes("64K", "f").value(), 64U << 10);
  EXPECT_EQ(parse_bytes("512M", "f").value(), 512U << 20);
  EXPECT_EQ(parse_bytes("2G", "f").value(), 2ULL << 30);
  EXPECT_EQ(parse_bytes("1.5T", "f").value(), 3ULL << 39);
  EXPECT_EQ(parse_bytes("10KiB", "f").value(), 10240U);
  EXPECT_EQ(parse_bytes("10B", "f").value(), 10U);
}

TEST(Bytes, RefusesWithTheField) {
  for (const std::string bad : {"", "K", "-1", "1X", "1 M", "1KB2", "9999999P", ".5K", "1e3"}) {
    const auto bytes = parse_bytes(bad, "memory");
    ASSERT_FALSE(bytes.ok()) << bad;
    EXPECT_EQ(bytes.error().field, "memory");
  }
}

TEST(Bytes, Formats) {
  EXPECT_EQ(format_bytes(310), "310B");
  EXPECT_EQ(format_bytes(12 << 10), "12K");
  EXPECT_EQ(format_bytes(2ULL << 30), "2.0G");
  EXPECT_EQ(format_bytes(0), "0B");
}

TEST(Duration, Parses) {
  EXPECT_EQ(parse_duration("90", "f").value(), 90s);
  EXPECT_EQ(parse_duration("5min", "f").value(), 5min);
  EXPECT_EQ(parse_duration("1h 30min", "f").value(), 90min);
  EXPECT_EQ(parse_duration("250ms", "f").value(), 250ms);
  EXPECT_EQ(parse_duration("1d", "f").value(), 24h);
  EXPECT_EQ(parse_duration("1.5s", "f").value(), 1500ms);
  EXPECT_EQ(parse_duration("0", "f").value(), 0s);
}

TEST(Duration, RefusesWithTheField) {
  for (const std::string bad : {"", " ", "s", "-5s", "5 parsecs", "99999999999999999999d", "1S"}) {
    const auto span = parse_duration(bad, "grace");
    ASSERT_FALSE(span.ok()) << bad;
    EXPECT_EQ(span.error().field, "grace");
  }
}

TEST(Duration, FormatsTheTwoLargestUnits) {
  EXPECT_EQ(format_duration(0s), "0");
  EXPECT_EQ(format_duration(250ms), "250ms");
  EXPECT_EQ(format_duration(12s), "12s");
  EXPECT_EQ(format_duration(123s), "2min 3s");
  EXPECT_EQ(format_duration(90min), "1h 30min");
  EXPECT_EQ(format_duration(25h + 3s), "1d 1h");
}

TEST(Duration, WhatIsFormattedParsesBack) {
  for (const microseconds span : {microseconds(0s), microseconds(250ms), microseconds(12s),
                                  microseconds(123s), microseconds(90min), microseconds(48h)})
    EXPECT_EQ(parse_duration(format_duration(span), "f").value(), span);
}

TEST(Millicores, Parses) {
  EXPECT_EQ(parse_millicores("1.5", "cpus").value(), 1500);
  EXPECT_EQ(parse_millicores("0.25", "cpus").value(), 250);
  EXPECT_EQ(parse_millicores("2", "cpus").value(), 2000);
  for (const std::string bad : {"", "0", "0.0000000001", "-1", "1.0005", "two", "1000000"})
    EXPECT_FALSE(parse_millicores(bad, "cpus").ok()) << bad;
}

TEST(Bool, Parses) {
  EXPECT_TRUE(parse_bool("yes", "f").value());
  EXPECT_FALSE(parse_bool("off", "f").value());
  EXPECT_FALSE(parse_bool("maybe", "f").ok());
}

TEST(Integer, KeepsItsBounds) {
  EXPECT_EQ(parse_integer("20", "f", 1, 20).value(), 20);
  EXPECT_EQ(parse_integer("-3", "f", -5, 5).value(), -3);
  for (const std::string bad : {"", "0", "21", "1x", " 1", "99999999999999999999"})
    EXPECT_FALSE(parse_integer(bad, "f", 1, 20).ok()) << bad;
}

TEST(Time, FormatsUtcWithMicroseconds) {
  EXPECT_EQ(format_time_utc(from_unix_us(1'795'339'684'123'456)), "2026-11-22T09:28:04.123456Z");
}

}  // namespace
}  // namespace takt
