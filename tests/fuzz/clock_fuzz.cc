// SPDX-License-Identifier: Apache-2.0
// What a daemon keeps of the clocks, and what an operator confirms.
#include "base/clock_guard.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  const auto memory = decode_clock_memory(input);
  if (!memory)
    return check_record(
        input, [](const ClockReading& reading) { return encode(reading); }, decode_clock_reading);
  ClockGuard guard(*memory);
  guard.look({from_unix_us(1'795'000'000'000'000), BootTime(seconds(5)), "boot"}, seconds(3600));
  return check_record(
      input, [](const ClockGuard::Memory& kept) { return encode(kept); }, decode_clock_memory);
}

}  // namespace takt::fuzz
