// SPDX-License-Identifier: Apache-2.0
// Keeps what anybody out there can cause from flooding the log.
#pragma once

#include <cstddef>
#include <mutex>

#include "base/clock.h"

namespace takt::rpc {

// Lets so many lines through a minute. Thread-safe.
class LogGate {
 public:
  explicit LogGate(std::size_t lines = 1) : lines_(lines) {}

  [[nodiscard]] bool open() {
    const BootTime now = BootClock::now();
    const std::lock_guard lock(mutex_);
    if (now - since_ >= std::chrono::minutes(1)) {
      since_ = now;
      passed_ = 0;
    }
    return passed_++ < lines_;
  }

 private:
  const std::size_t lines_;
  std::mutex mutex_;
  BootTime since_;
  std::size_t passed_ = 0;
};

}  // namespace takt::rpc
