// SPDX-License-Identifier: Apache-2.0
// Points in time as people write them. What is formatted parses back.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace takt {

// "2026-11-22T09:28:04.123+0100": local time with its offset, so that it means one time anywhere.
std::string format_time_exact(WallTime time);

// "2026-11-22 09:28:04" (seconds, or the time of day, may be left out; "T" for the blank; then
// ".123", and "Z" or "+0100"); "09:28" is today; "10min" is so long before `now`. Local time,
// unless it says otherwise.
Result<WallTime> parse_time(std::string_view text, std::string_view field, WallTime now);

}  // namespace takt
