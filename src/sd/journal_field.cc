// SPDX-License-Identifier: Apache-2.0
#include "sd/journal_field.h"

#include <cstdint>

namespace takt::sd {

void append_journal_field(std::string& entry, std::string_view name, std::string_view value) {
  entry += name;
  if (value.find('\n') == std::string_view::npos) {
    entry += '=';
  } else {
    entry += '\n';
    const auto length = static_cast<std::uint64_t>(value.size());
    for (unsigned shift = 0; shift < 64; shift += 8)
      entry += static_cast<char>((length >> shift) & 0xff);
  }
  entry += value;
  entry += '\n';
}

}  // namespace takt::sd
