// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <time.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <tuple>

namespace takt {
namespace {

struct SizeUnit {
  char letter;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 5> kSizes{{{'K', 1ULL << 10},
                                          {'M', 1ULL << 20},
                                          {'G', 1ULL << 30},
                                          {'T', 1ULL << 40},
                                          {'P', 1ULL << 50}}};

struct TimeUnit {
  std::string_view name;
  std::int64_t us;
};
constexpr std::array<TimeUnit, 17> kTimes{{{"us", 1},
                                           {"ms", 1000},
                                           {"s", kUsPerSecond},
                                           {"sec", kUsPerSecond},
                                           {"second", kUsPerSecond},
                                           {"seconds", kUsPerSecond},
                                           {"m", 60 * kUsPerSecond},
                                           {"min", 60 * kUsPerSecond},
                                           {"minute", 60 * kUsPerSecond},
                                           {"minutes", 60 * kUsPerSecond},
                                           {"h", 3600 * kUsPerSecond},
                                           {"hour", 3600 * kUsPerSecond},
                                           {"hours", 3600 * kUsPerSecond},
                                           {"d", 86400 * kUsPerSecond},
                                           {"day", 86400 * kUsPerSecond},
                                           {"days", 86400 * kUsPerSecond},
                                           {"w", 7 * 86400 * kUsPerSecond}}};

std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text.substr(0, 64)) + "\"";
}

Error bad_size(std::string_view text, std::string_view field) {
  return invalid(std::string(field),
                 in_quotes(text) + " is not a size; write for example 65536, 512M or 2G");
}

Error bad_duration(std::string_view text, std::string_view field) {
  return invalid(std::string(field),
                 in_quotes(text) + " is not a time span; write for example 90s, 5min or 2h");
}

// Takes a non-negative decimal number off the front; false if there is none.
bool take_number(std::string_view& text, double& number) {
  std::size_t length = 0;
  while (length < text.size() && (is_digit(text[length]) || text[length] == '.')) ++length;
  if (length == 0 || text[0] == '.') return false;
  const auto parsed = std::from_chars(text.data(), text.data() + length, number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + length) return false;
  text.remove_prefix(length);
  return true;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text, std::string_view field) {
  std::string_view rest = text;
  double number = 0;
  if (!take_number(rest, number)) return bad_size(text, field);
  double factor = 1;
  if (!rest.empty()) {
    for (const SizeUnit& unit : kSizes)
      if (rest.front() == unit.letter) factor = static_cast<double>(unit.bytes);
    if (factor > 1) rest.remove_prefix(1);
    if (rest == "B" || (factor > 1 && rest == "iB")) rest = {};
  }
  const double bytes = number * factor;
  if (!rest.empty() || bytes >= static_cast<double>(std::numeric_limits<std::int64_t>::max()))
    return bad_size(text, field);
  return static_cast<std::uint64_t>(bytes);
}

Result<microseconds> parse_duration(std::string_view text, std::string_view field) {
  std::string_view rest = text;
  double total = 0;
  skip_blanks(rest);
  if (rest.empty()) return bad_duration(text, field);
  while (!rest.empty()) {
    double number = 0;
    if (!take_number(rest, number)) return bad_duration(text, field);
    skip_blanks(rest);
    std::size_t length = 0;
    while (length < rest.size() && rest[length] >= 'a' && rest[length] <= 'z') ++length;
    const std::string_view name = length == 0 ? "s" : rest.substr(0, length);
    rest.remove_prefix(length);
    std::int64_t us = 0;
    for (const TimeUnit& unit : kTimes)
      if (unit.name == name) us = unit.us;
    if (us == 0) return bad_duration(text, field);
    total += number * static_cast<double>(us);
    skip_blanks(rest);
  }
  constexpr std::int64_t kMostUs = std::numeric_limits<std::int64_t>::max() / 1000;  // as ns
  if (total >= static_cast<double>(kMostUs)) return bad_duration(text, field);
  return microseconds(static_cast<std::int64_t>(std::llround(total)));
}

Result<std::int64_t> parse_millicores(std::string_view text, std::string_view field) {
  std::string_view rest = text;
  double number = 0;
  const bool good = take_number(rest, number) && rest.empty() && number <= 100'000;
  const double millicores = number * 1000;
  if (!good || std::llround(millicores) < 1 || std::abs(millicores - std::round(millicores)) > 1e-6)
    return invalid(std::string(field), in_quotes(text) +
                                           " is not a number of processors; write for example 2, "
                                           "1.5 or 0.25");
  return static_cast<std::int64_t>(std::llround(millicores));
}

std::string format_millicores(std::int64_t millicores) {
  std::string text = std::to_string(millicores / 1000);
  const std::int64_t rest = millicores % 1000;
  if (rest == 0) return text;
  std::string decimals = std::to_string(1000 + rest).substr(1);
  decimals.erase(decimals.find_last_not_of('0') + 1);
  return text + "." + decimals;
}

Result<bool> parse_bool(std::string_view text, std::string_view field) {
  for (std::string_view yes : {"yes", "true", "on", "1"})
    if (text == yes) return true;
  for (std::string_view no : {"no", "false", "off", "0"})
    if (text == no) return false;
  return invalid(std::string(field), in_quotes(text) + " is not a switch; write yes or no");
}

Result<std::int64_t> parse_integer(std::string_view text, std::string_view field, std::int64_t low,
                                   std::int64_t high) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && number >= low &&
      number <= high)
    return number;
  return invalid(std::string(field), in_quotes(text) + " is not a whole number from " +
                                         std::to_string(low) + " to " + std::to_string(high));
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + "B";
  auto value = static_cast<double>(bytes);
  char letter = 'B';
  for (const SizeUnit& unit : kSizes) {
    if (value < 1000 && letter != 'B') break;
    if (letter != 'B' && value < 1024) break;
    value /= 1024;
    letter = unit.letter;
  }
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f%c" : "%.0f%c", value, letter);
  return text;
}

std::string format_duration(microseconds span) {
  struct Unit {
    const char* name;
    std::int64_t us;
  };
  constexpr std::array<Unit, 5> kUnits{{{"d", 86400 * kUsPerSecond},
                                        {"h", 3600 * kUsPerSecond},
                                        {"min", 60 * kUsPerSecond},
                                        {"s", kUsPerSecond},
                                        {"ms", 1000}}};
  std::int64_t rest = span.count();
  std::string text;
  int shown = 0;
  for (const Unit& unit : kUnits) {
    const std::int64_t count = rest / unit.us;
    rest %= unit.us;
    // Milliseconds matter only where nothing larger is there.
    if (count == 0 || (unit.us == 1000 && shown > 0)) {
      if (shown > 0) break;
      continue;
    }
    if (shown > 0) text += ' ';
    text += std::to_string(count) + unit.name;
    if (++shown == 2) break;
  }
  return text.empty() ? "0" : text;
}

std::string format_time(WallTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  const auto seconds_part = static_cast<time_t>(whole.time_since_epoch().count());
  tm parts{};
  localtime_r(&seconds_part, &parts);
  char text[64];
  std::ignore = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string format_time_utc(WallTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  const auto seconds_part = static_cast<time_t>(whole.time_since_epoch().count());
  tm parts{};
  gmtime_r(&seconds_part, &parts);
  char date[64];
  char text[96];
  std::ignore = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text, sizeof text, "%s.%06lldZ", date,
                static_cast<long long>((time - whole).count()));
  return text;
}

}  // namespace takt
