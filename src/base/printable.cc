// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <cstddef>

namespace takt {
namespace {

void append_escape(std::string& clean, unsigned char byte) {
  constexpr char kHex[] = "0123456789abcdef";
  clean += "\\x";
  clean += kHex[byte >> 4];
  clean += kHex[byte & 0xf];
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const bool c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !c1) {
      clean += text[i];
      continue;
    }
    append_escape(clean, c1 ? next : byte);
    if (c1) ++i;
  }
  return clean;
}

}  // namespace takt
