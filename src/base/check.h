// SPDX-License-Identifier: Apache-2.0
// Broken invariants end the process, with the place and a message, in every build.
#pragma once

namespace takt {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const char* format, ...) __attribute__((format(printf, 4, 5)));

}  // namespace takt

// Aborts unless `condition` holds. The message (printf style) says what is broken.
#define TAKT_CHECK(condition, ...)                                       \
  do {                                                                   \
    if (!(condition)) [[unlikely]]                                       \
      ::takt::check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__); \
  } while (false)
