// SPDX-License-Identifier: Apache-2.0
// Sizes and times as people write them, in systemd's forms. What is formatted parses back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace takt {

// "512", "64K", "512M", "2G", "1.5T"; base 1024, an optional "B" or "iB" after the letter.
Result<std::uint64_t> parse_bytes(std::string_view text, std::string_view field);

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "90s", "5min", "2h", "1h 30min", "250ms", "1d"; a bare number is seconds.
Result<microseconds> parse_duration(std::string_view text, std::string_view field);

// "1.5" processors is 1500; at most three decimals.
Result<std::int64_t> parse_millicores(std::string_view text, std::string_view field);

// "yes", "no", "true", "false", "on", "off", "1", "0".
Result<bool> parse_bool(std::string_view text, std::string_view field);

// A decimal number between the two bounds, both included.
Result<std::int64_t> parse_integer(std::string_view text, std::string_view field, std::int64_t low,
                                   std::int64_t high);

// "1.5", "2", "0.25": processors.
std::string format_millicores(std::int64_t millicores);

// "812M", "2.0G", "12K", "310B": at most four characters and a letter.
std::string format_bytes(std::uint64_t bytes);

// The two largest units: "2min 3s", "1h 30min", "12s", "250ms", "0".
std::string format_duration(microseconds span);

// "2026-11-22 09:28:04" in local time.
std::string format_time(WallTime time);

// RFC 3339 in UTC with microseconds, for records: "2026-11-22T09:28:04.123456Z".
std::string format_time_utc(WallTime time);

}  // namespace takt
