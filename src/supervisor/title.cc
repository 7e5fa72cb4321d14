// SPDX-License-Identifier: Apache-2.0
#include "supervisor/title.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace takt::supervisor {
namespace {

char* g_begin = nullptr;
std::size_t g_room = 0;

}  // namespace

void remember_arguments(int argc, char** argv) {
  if (argc == 0) return;
  g_begin = argv[0];
  // The kernel lays the arguments in a row; what does not follow is not ours to write to.
  char* end = g_begin + std::strlen(g_begin) + 1;
  for (int i = 1; i < argc && argv[i] == end; ++i) end += std::strlen(end) + 1;
  g_room = static_cast<std::size_t>(end - g_begin);
}

void set_title(std::string_view title) {
  if (g_room == 0) return;
  const std::size_t length = std::min(title.size(), g_room - 1);
  std::memset(g_begin, 0, g_room);
  std::memcpy(g_begin, title.data(), length);
}

}  // namespace takt::supervisor
