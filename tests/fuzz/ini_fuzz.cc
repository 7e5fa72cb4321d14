// SPDX-License-Identifier: Apache-2.0
// The configuration's text: every line is understood or reported, with its number.
#include <algorithm>

#include "config/ini_reader.h"
#include "config/text.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  const std::vector<std::string_view> sections{"worker", "jobs", "tls"};
  const config::IniText read = config::read_ini(input, sections);
  const auto lines = 1 + std::count(input.begin(), input.end(), '\n');
  std::vector<int> seen;
  for (const config::IniEntry& entry : read.entries) {
    seen.push_back(entry.line);
    TAKT_CHECK(std::find(sections.begin(), sections.end(), entry.section) != sections.end(),
               "a section that was not asked for");
    TAKT_CHECK(!entry.key.empty() && config::trim(entry.key) == entry.key, "a key with blanks");
    TAKT_CHECK(config::trim(entry.value) == entry.value, "a value with blanks");
    TAKT_CHECK(!config::has_control(entry.value), "a value with a control character");
    TAKT_CHECK(input.find(entry.value) != std::string_view::npos, "a value out of nothing");
  }
  for (const config::IniMistake& mistake : read.mistakes) {
    seen.push_back(mistake.line);
    TAKT_CHECK(!mistake.message.empty(), "a mistake without words");
    TAKT_CHECK(!config::has_control(mistake.message), "a message with a control character");
  }
  std::sort(seen.begin(), seen.end());
  TAKT_CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end(), "a line told twice");
  if (!seen.empty()) TAKT_CHECK(seen.front() >= 1 && seen.back() <= lines, "no such line");
  return !read.entries.empty();
}

}  // namespace takt::fuzz
