// SPDX-License-Identifier: Apache-2.0
// The log lines of a test, instead of stderr. One at a time.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace takt::test {

class LogCapture {
 public:
  LogCapture() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
    set_log_sink(capture);
  }
  ~LogCapture() { set_log_sink(nullptr); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  [[nodiscard]] static std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  static void capture(LogLevel, std::string_view message, const std::vector<LogField>&) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(message);
  }

  static inline std::mutex mutex_;
  static inline std::vector<std::string> lines_;
};

}  // namespace takt::test
