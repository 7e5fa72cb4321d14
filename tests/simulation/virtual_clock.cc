// SPDX-License-Identifier: Apache-2.0
// In the place of base/clock.cc, which the linker leaves out as all of it is here; and in that of
// libuuid's random numbers.
#include <uuid/uuid.h>

#include "base/clock.h"
#include "simulation/world.h"

namespace takt {

BootTime BootClock::now() { return sim::World::the().now(); }

WallTime wall_now() { return sim::World::the().wall(); }

const std::string& boot_id() {
  static const std::string kId = "00000000-0000-4000-8000-000000000000";
  return kId;
}

}  // namespace takt

extern "C" void uuid_generate_random(uuid_t out) {
  for (std::size_t at = 0; at < sizeof(uuid_t); ++at)
    out[at] = static_cast<unsigned char>(takt::sim::World::the().random());
  out[6] = static_cast<unsigned char>((out[6] & 0x0f) | 0x40);  // version 4 ...
  out[8] = static_cast<unsigned char>((out[8] & 0x3f) | 0x80);  // ... of RFC 4122
}
