// SPDX-License-Identifier: Apache-2.0
// Waiting for what no descriptor tells of: looks again and again, with an end.
#pragma once

#include <poll.h>

#include <chrono>
#include <functional>

namespace takt::test {

inline constexpr std::chrono::seconds kPatience{30};

// Until `holds`, looking every 10 ms; false when the patience is over.
[[nodiscard]] inline bool eventually(const std::function<bool()>& holds,
                                     std::chrono::seconds patience = kPatience) {
  constexpr int kPauseMs = 10;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, kPauseMs);
  }
  return true;
}

}  // namespace takt::test
