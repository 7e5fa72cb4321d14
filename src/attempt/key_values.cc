// SPDX-License-Identifier: Apache-2.0
#include "attempt/key_values.h"

namespace takt::attempt {
namespace {

bool breaks_a_line(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || c == '%';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What is no %XX stays as it is: a record is read even where an editor was at it.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

}  // namespace

void KeyValueWriter::text(std::string_view key, std::string_view value) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  lines_ += key;
  lines_ += '=';
  for (const char c : value) {
    if (!breaks_a_line(c)) {
      lines_ += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    lines_ += '%';
    lines_ += kHex[byte >> 4];
    lines_ += kHex[byte & 15];
  }
  lines_ += '\n';
}

KeyValueReader::KeyValueReader(std::string_view text) {
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    values_.insert_or_assign(std::string(line.substr(0, equals)),
                             unescape(line.substr(equals + 1)));
  }
}

std::string KeyValueReader::text(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::string() : found->second;
}

}  // namespace takt::attempt
