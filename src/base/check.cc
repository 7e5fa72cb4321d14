// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace takt {

void check_failed(const char* file, int line, const char* condition, const char* format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  std::fprintf(stderr, "%s:%d: broken invariant (%s): %s\n", file, line, condition, message);
  std::abort();
}

}  // namespace takt
