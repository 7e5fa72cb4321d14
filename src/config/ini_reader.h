// SPDX-License-Identifier: Apache-2.0
// The text of one INI file, taken apart by inih behind a line reader of our own. Guarantees: every
// line is understood or reported with its number; what inih would cut, glue or skip in silence
// (long lines, indented lines, text behind a section's bracket) is refused instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace takt::config {

struct IniEntry {
  std::string section;
  std::string key;
  std::string value;  // blanks around it are gone
  int line = 0;       // from 1
};

struct IniMistake {
  int line = 0;
  std::string message;
};

struct IniText {
  std::vector<IniEntry> entries;     // in the file's order
  std::vector<IniMistake> mistakes;  // in the file's order
};

// Reads KEY = VALUE lines below [SECTION] lines. A line that starts with # or ; is a comment, and
// so is what follows a ; with a blank before it. Keys below a bad [SECTION] line or one that is not
// among `sections` are passed over: the section's line is the mistake.
IniText read_ini(std::string_view text, const std::vector<std::string_view>& sections);

}  // namespace takt::config
