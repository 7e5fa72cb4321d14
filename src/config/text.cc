// SPDX-License-Identifier: Apache-2.0
#include "config/text.h"

#include <algorithm>

namespace takt::config {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

}  // namespace

bool is_blank(char c) { return std::string_view(" \t\r\n\v\f").find(c) != std::string_view::npos; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 64;
  std::string shown = "\"" + std::string(text.substr(0, kShown));
  std::replace_if(shown.begin(), shown.end(), is_control, '?');
  return shown + (text.size() > kShown ? "…\"" : "\"");
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

bool only_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> elements;
  if (trim(text).empty()) return elements;
  while (true) {
    const std::size_t comma = text.find(',');
    elements.push_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return elements;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace takt::config
