// SPDX-License-Identifier: Apache-2.0
// Sizes, times and numbers as people write them. What is taken is in range, and what is shown of it
// can be typed in again.
#include "base/units.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  const auto bytes = parse_bytes(input, "field");
  // The four digits that are shown of the very largest ones round up to more than is accepted.
  if (bytes && *bytes < (1ULL << 62)) {
    const std::string text = format_bytes(*bytes);
    TAKT_CHECK(parse_bytes(text, "field").ok(), "shown as %s", text.c_str());
  }
  const auto span = parse_duration(input, "field");
  if (span) {
    TAKT_CHECK(span->count() >= 0, "a span that runs backwards");
    const std::string text = format_duration(*span);
    const auto again = parse_duration(text, "field");
    TAKT_CHECK(again.ok() && *again <= *span, "shown as %s", text.c_str());
  }
  const auto millicores = parse_millicores(input, "field");
  if (millicores) TAKT_CHECK(*millicores > 0, "no processors at all");
  const auto integer = parse_integer(input, "field", -5, 1000);
  if (integer) {
    TAKT_CHECK(*integer >= -5 && *integer <= 1000, "a number out of its range");
    static_cast<void>(format_time_utc(from_unix_us(*integer)));
  }
  return bytes || span || millicores || integer || parse_bool(input, "field");
}

}  // namespace takt::fuzz
