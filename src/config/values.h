// SPDX-License-Identifier: Apache-2.0
// The kinds of values that configuration files hold, each with its check. An error names the field,
// quotes the value and says what is accepted. None accepts an empty value, except lists.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/units.h"

namespace takt::config {

// The longest path of a unix socket (sun_path without its final NUL).
inline constexpr std::size_t kSocketPathMaxBytes = 107;

// "unix:/absolute/path", "host:port", "1.2.3.4:port" or "[v6]:port"; port 1 to 65535.
Result<std::string> parse_address(std::string_view text, std::string_view field);

// The same, or "none", which gives an empty string.
Result<std::string> parse_address_or_none(std::string_view text, std::string_view field);

// Addresses to listen on, with commas between them, none twice. No names are looked up for these:
// TCP hosts are numbers or "localhost".
Result<std::vector<std::string>> parse_listen(std::string_view text, std::string_view field);

// The same, TCP only.
Result<std::vector<std::string>> parse_tcp_listen(std::string_view text, std::string_view field);

// True for an address that goes over TCP.
bool is_tcp(std::string_view address);

// Refuses TCP addresses unless TLS is set up or plain text is allowed; names the field.
Result<void> check_listen(const std::vector<std::string>& addresses, bool tcp_allowed,
                          std::string_view field);

// The same for [compat], whose format knows no TLS.
Result<void> check_compat_listen(const std::vector<std::string>& addresses, bool insecure);

// An absolute path without "..".
Result<std::string> parse_path(std::string_view text, std::string_view field);

// Letters, digits, '.', '_' and '-', the first no '.' or '-'; at most limits::kNameMaxBytes.
Result<std::string> parse_name(std::string_view text, std::string_view field);

// A user's or group's name (whether it exists is not looked up).
Result<std::string> parse_account(std::string_view text, std::string_view field);

// "k=v, k=v", at most limits::kLabelsMax.
Result<std::map<std::string, std::string>> parse_labels(std::string_view text,
                                                        std::string_view field);

// "gpu=2, license=10", at most limits::kLabelsMax; names as names of jobs.
Result<std::map<std::string, std::int64_t>> parse_counts(std::string_view text,
                                                         std::string_view field);

// Globs with commas between them; no blanks inside one.
Result<std::vector<std::string>> parse_globs(std::string_view text, std::string_view field);

// What users see of jobs of others: nothing but that they are there, or all.
enum class Seeing { kOwn, kAll };

// "own", "all".
Result<Seeing> parse_seeing(std::string_view text, std::string_view field);

// "error", "warning", "notice", "info", "debug".
Result<LogLevel> parse_log_level(std::string_view text, std::string_view field);

// A whole number from Low to High.
template <std::int64_t Low, std::int64_t High>
Result<std::int64_t> parse_integer_in(std::string_view text, std::string_view field) {
  return parse_integer(text, field, Low, High);
}

Result<std::int64_t> parse_bytes_between(std::string_view text, std::string_view field,
                                         std::int64_t low, std::int64_t high);
Result<microseconds> parse_duration_between(std::string_view text, std::string_view field,
                                            microseconds low, microseconds high);

// A size from Low to High bytes.
template <std::int64_t Low, std::int64_t High>
Result<std::int64_t> parse_bytes_in(std::string_view text, std::string_view field) {
  return parse_bytes_between(text, field, Low, High);
}

// A time span from Low to High seconds.
template <std::int64_t Low, std::int64_t High>
Result<microseconds> parse_seconds_in(std::string_view text, std::string_view field) {
  return parse_duration_between(text, field, seconds(Low), seconds(High));
}

}  // namespace takt::config
