// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "base/printable.h"

namespace takt {
namespace {

std::atomic<LogSink> g_sink{nullptr};
std::atomic<LogLevel> g_level{LogLevel::kInfo};

}  // namespace

void set_log_sink(LogSink sink) { g_sink.store(sink); }

void set_log_level(LogLevel level) { g_level.store(level); }

void log(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
  if (level > g_level.load(std::memory_order_relaxed)) return;
  // Names and reasons from outside are part of it.
  std::string line(message);
  std::replace(line.begin(), line.end(), '\n', ' ');
  line = printable(line);
  if (LogSink sink = g_sink.load()) return sink(level, line, fields);
  line = "<" + std::to_string(static_cast<int>(level)) + ">" + line + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace takt
