// SPDX-License-Identifier: Apache-2.0
// Back-pressure on what a stream receives. Guarantees: at most `size` messages are with the owner;
// the next is read only when one of them is let go. Not thread-safe: its stream locks.
#pragma once

#include <cstddef>

#include "base/check.h"

namespace takt::rpc {

class ReadWindow {
 public:
  explicit ReadWindow(std::size_t size) : size_(static_cast<std::ptrdiff_t>(size)) {
    TAKT_CHECK(size > 0, "a window that lets nothing in");
  }

  // A message went to the owner (who may have let it go already). True: read the next one now;
  // always when `ending`, so that the end is noticed.
  [[nodiscard]] bool arrived(bool ending) {
    ++held_;
    paused_ = held_ >= size_ && !ending;
    return !paused_;
  }

  // The owner let one go. True: reading had paused, read now.
  [[nodiscard]] bool released() {
    --held_;
    return resume();
  }

  // True if reading had paused; it has not any more.
  [[nodiscard]] bool resume() {
    const bool was = paused_;
    paused_ = false;
    return was;
  }

 private:
  const std::ptrdiff_t size_;
  std::ptrdiff_t held_ = 0;
  bool paused_ = false;
};

}  // namespace takt::rpc
