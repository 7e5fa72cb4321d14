// SPDX-License-Identifier: Apache-2.0
#include "supervisor/free_space.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <limits>

#include "base/limits.h"

namespace takt::supervisor {

bool FreeSpace::take(std::uint64_t bytes) {
  if (taken_bytes_ >= limits::kFreeSpaceLookBytes || BootClock::now() >= next_look_) look();
  if (left_bytes_ == 0) return false;
  left_bytes_ -= std::min(left_bytes_, bytes);
  taken_bytes_ += bytes;
  return true;
}

void FreeSpace::look() {
  taken_bytes_ = 0;
  next_look_ = BootClock::now() + limits::kFreeSpaceLook;
  left_bytes_ = std::numeric_limits<std::uint64_t>::max();
  struct statvfs status {};
  // Some file systems have no size: a tmpfs without a bound.
  if (::fstatvfs(folder_, &status) != 0 || status.f_blocks == 0 || status.f_bfree == 0) return;
  const std::uint64_t size_bytes = status.f_blocks * status.f_frsize;
  const std::uint64_t free_bytes = status.f_bavail * status.f_frsize;  // without root's reserve
  const std::uint64_t min_bytes = min_bytes_.value_or(
      std::min(size_bytes / limits::kFreeMinShare, limits::kFreeMinShareMaxBytes));
  left_bytes_ = free_bytes - std::min(free_bytes, min_bytes);
}

}  // namespace takt::supervisor
