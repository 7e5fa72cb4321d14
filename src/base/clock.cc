// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <fcntl.h>
#include <time.h>

#include "base/fs.h"

namespace takt {

BootTime BootClock::now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return BootTime(seconds(now.tv_sec) + nanoseconds(now.tv_nsec));
}

WallTime wall_now() {
  return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
}

const std::string& boot_id() {
  static const std::string id = [] {
    auto text = read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64);
    if (!text) return std::string();
    while (!text->empty() && text->back() == '\n') text->pop_back();
    return *text;
  }();
  return id;
}

}  // namespace takt
