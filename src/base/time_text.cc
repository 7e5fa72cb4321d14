// SPDX-License-Identifier: Apache-2.0
#include "base/time_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <tuple>

#include "base/units.h"

namespace takt {
namespace {

// Takes a text off its front, piece by piece.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool done() const { return rest_.empty(); }

  // A number of just so many digits, between the bounds.
  bool digits(std::size_t count, int low, int high, int& number) {
    if (rest_.size() < count || !std::all_of(rest_.begin(), rest_.begin() + count, is_digit))
      return false;
    number = 0;
    for (const char c : rest_.substr(0, count)) number = number * 10 + (c - '0');
    rest_.remove_prefix(count);
    return number >= low && number <= high;
  }
  bool one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // ".123456" as microseconds; more digits are cut.
  std::int64_t fraction() {
    std::int64_t us = 0;
    if (!one_of(".")) return us;
    for (std::int64_t unit = kUsPerSecond / 10; !rest_.empty() && is_digit(rest_.front());
         unit /= 10) {
      us += (rest_.front() - '0') * unit;
      rest_.remove_prefix(1);
    }
    return us;
  }
  // How far east of UTC, in seconds; nothing if it is not said or not understood.
  std::optional<std::int64_t> zone() {
    if (one_of("Z")) return 0;
    const bool west = !rest_.empty() && rest_.front() == '-';
    int hours = 0;
    int minutes = 0;
    if (!one_of("+-") || !digits(2, 0, 14, hours)) return std::nullopt;
    std::ignore = one_of(":");
    if (!digits(2, 0, 59, minutes)) return std::nullopt;
    return (west ? -1 : 1) * (hours * 3600 + minutes * 60);
  }

 private:
  std::string_view rest_;
};

bool scan_date(Scanner& in, tm& parts) {
  int year = 0;
  int month = 0;
  const bool good = in.digits(4, 1970, 9999, year) && in.one_of("-") &&
                    in.digits(2, 1, 12, month) && in.one_of("-") &&
                    in.digits(2, 1, 31, parts.tm_mday);
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  return good;
}

// "09:28" or "09:28:04".
bool scan_time_of_day(Scanner& in, tm& parts) {
  if (!in.digits(2, 0, 23, parts.tm_hour) || !in.one_of(":") || !in.digits(2, 0, 59, parts.tm_min))
    return false;
  return !in.one_of(":") || in.digits(2, 0, 60, parts.tm_sec);
}

std::optional<WallTime> to_time(Scanner& in, tm parts) {
  const std::int64_t us = in.fraction();
  parts.tm_isdst = -1;
  const int day = parts.tm_mday;
  time_t seconds_part = 0;
  if (in.done()) {
    seconds_part = ::mktime(&parts);
  } else {
    const auto east = in.zone();
    if (!east || !in.done()) return std::nullopt;
    seconds_part = ::timegm(&parts) - static_cast<time_t>(*east);
  }
  if (parts.tm_mday != day) return std::nullopt;  // there is no 30th of February
  return from_unix_us(seconds_part * kUsPerSecond + us);
}

std::optional<WallTime> scan(std::string_view text, WallTime now) {
  tm parts{};
  Scanner with_date(text);
  if (scan_date(with_date, parts)) {
    if (with_date.one_of(" T") && !scan_time_of_day(with_date, parts)) return std::nullopt;
    return to_time(with_date, parts);
  }
  const auto today = static_cast<time_t>(to_unix_us(now) / kUsPerSecond);
  localtime_r(&today, &parts);
  parts.tm_sec = 0;
  Scanner alone(text);
  if (!scan_time_of_day(alone, parts)) return std::nullopt;
  return to_time(alone, parts);
}

}  // namespace

std::string format_time_exact(WallTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  const auto seconds_part = static_cast<time_t>(whole.time_since_epoch().count());
  tm parts{};
  localtime_r(&seconds_part, &parts);
  char date[64];
  char zone[16];
  char text[96];
  std::ignore = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  std::ignore = strftime(zone, sizeof zone, "%z", &parts);
  std::snprintf(text, sizeof text, "%s.%03d%s", date,
                static_cast<int>((time - whole) / milliseconds(1)), zone);
  return text;
}

Result<WallTime> parse_time(std::string_view text, std::string_view field, WallTime now) {
  if (const auto time = scan(text, now)) return *time;
  if (const auto span = parse_duration(text, field);
      span && *span <= now.time_since_epoch() && text.find_first_of("dhmsw") != text.npos)
    return now - *span;
  return invalid(std::string(field), "\"" + std::string(text.substr(0, 64)) +
                                         "\" is not a time; write for example 10min (ago), 09:28 "
                                         "or 2026-11-22 09:28:04");
}

}  // namespace takt
