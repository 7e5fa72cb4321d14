// SPDX-License-Identifier: Apache-2.0
// Small helpers on text that the reader and the value parsers share. Blanks are what inih takes for
// blanks in the "C" locale.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace takt::config {

// Space, tab, carriage return, newline, vertical tab, form feed.
bool is_blank(char c);

// Without blanks at both ends.
std::string_view trim(std::string_view text);

// In double quotes and cut to 64 bytes, for messages; control characters become '?'.
std::string in_quotes(std::string_view text);

// True if a byte below 0x20 other than tab, or DEL, is in it.
bool has_control(std::string_view text);

// True if every byte is an ASCII letter, a digit or in `others`.
bool only_of(std::string_view text, std::string_view others);

// "a, b ,c" is {"a", "b", "c"}; empty text is no element; an element may be empty.
std::vector<std::string_view> split_list(std::string_view text);

}  // namespace takt::config
