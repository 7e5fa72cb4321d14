// SPDX-License-Identifier: Apache-2.0
// The file by which a supervisor learns of its worker's contact with the scheduler.
#include "attempt/contact.h"

#include <chrono>

#include "base/check.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  const std::string boot = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61";
  const BootTime now{std::chrono::hours(1)};
  const auto when = attempt::decode_contact(input, boot, now);
  if (!when) return false;
  TAKT_CHECK(*when <= now, "it is of the future");
  TAKT_CHECK(attempt::encode_contact(boot, *when) == input, "it comes back otherwise");
  return true;
}

}  // namespace takt::fuzz
