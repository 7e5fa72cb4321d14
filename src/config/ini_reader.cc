// SPDX-License-Identifier: Apache-2.0
#include "config/ini_reader.h"

#include <ini.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "config/load.h"
#include "config/text.h"

namespace takt::config {
namespace {

// What goes between our reader and inih's calls back to us.
struct Reading {
  std::string_view rest;
  const std::vector<std::string_view>& sections;
  int line = 0;
  bool skip = false;  // below a section that was refused
  bool any_section = false;
  IniText result;

  void refuse(std::string message) { result.mistakes.push_back({line, std::move(message)}); }
};

// Without what follows a ; that begins the line or has a blank before it, as inih sees it.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 1; i < line.size(); ++i)
    if (line[i] == ';' && is_blank(line[i - 1])) return line.substr(0, i);
  return line;
}

std::string list_of(const std::vector<std::string_view>& sections) {
  std::string text;
  for (std::string_view name : sections) {
    if (!text.empty()) text += ", ";
    text += "[" + std::string(name) + "]";
  }
  return text;
}

// Why a [SECTION] line is refused; empty if it is good.
std::string trouble_in_section(std::string_view line, const Reading& reading) {
  const std::size_t end = line.find(']');
  if (end == std::string_view::npos)
    return in_quotes(line) + " has no closing bracket; write [SECTION]";
  if (end + 1 != line.size())
    return "text behind the section in " + in_quotes(line) + "; write [SECTION] alone on its line";
  const std::string_view name = line.substr(1, end - 1);
  const auto& known = reading.sections;
  if (std::find(known.begin(), known.end(), name) == known.end())
    return "unknown section " + in_quotes(line) + "; accepted are " + list_of(known);
  return {};
}

// Why a KEY = VALUE line is refused; empty if it is good.
std::string trouble_in_key(std::string_view line) {
  if (is_blank(line.front()))
    return "indented line " + in_quotes(trim(line)) +
           "; begin it in the first column (values do not go on over several lines)";
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || line.find(':') < equals)
    return "missing '=' in " + in_quotes(line) + "; write KEY = VALUE, [SECTION] or # comment";
  if (trim(line.substr(0, equals)).empty())
    return "no key before '=' in " + in_quotes(line) + "; write KEY = VALUE";
  return {};
}

// Checks one line as it stands in the file. True if inih may see it.
bool admit(std::string_view raw, Reading& reading) {
  const std::string_view whole = trim(raw);
  if (whole.empty() || whole.front() == '#' || whole.front() == ';') return false;
  const bool is_section = whole.front() == '[';
  if (is_section) {
    reading.any_section = true;
    reading.skip = true;  // until this line is found good
  } else if (reading.skip) {
    return false;
  }
  std::string trouble;
  if (raw.size() > kLineMaxBytes)
    trouble = "the line has " + std::to_string(raw.size()) + " bytes; at most " +
              std::to_string(kLineMaxBytes) + " are accepted";
  else if (has_control(raw))
    trouble = "control character in " + in_quotes(whole) + "; only printable text is accepted";
  else if (is_section && is_blank(raw.front()))
    trouble = "indented section " + in_quotes(whole) + "; begin it in the first column";
  else if (is_section)
    trouble = trouble_in_section(trim(without_comment(whole)), reading);
  else
    trouble = trouble_in_key(without_comment(raw));
  if (trouble.empty() && !reading.any_section) {
    trouble = in_quotes(whole) + " stands before any section; put it below one of " +
              list_of(reading.sections);
    reading.skip = true;  // once is enough
  }
  if (!trouble.empty()) {
    reading.refuse(std::move(trouble));
    return false;
  }
  if (is_section) reading.skip = false;
  return true;
}

// inih's reader: the next line that is good, an empty one for each that is not. So its count of
// lines and ours are the same.
char* next_line(char* buffer, int size, void* stream) {
  Reading& reading = *static_cast<Reading*>(stream);
  if (reading.rest.empty()) return nullptr;
  ++reading.line;
  const std::size_t end = std::min(reading.rest.find('\n'), reading.rest.size());
  std::string_view line = reading.rest.substr(0, end);
  reading.rest.remove_prefix(std::min(end + 1, reading.rest.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!admit(line, reading)) line = {};
  TAKT_CHECK(line.size() + 2 <= static_cast<std::size_t>(size), "inih takes only %d bytes", size);
  std::memcpy(line.copy(buffer, line.size()) + buffer, "\n", 2);
  return buffer;
}

int take_entry(void* user, const char* section, const char* name, const char* value) {
  Reading& reading = *static_cast<Reading*>(user);
  reading.result.entries.push_back({section, name, value, reading.line});
  return 1;
}

}  // namespace

IniText read_ini(std::string_view text, const std::vector<std::string_view>& sections) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  Reading reading{.rest = text, .sections = sections, .result = {}};
  const int bad_line = ini_parse_stream(next_line, &reading, take_entry, &reading);
  // Our own checks come first and say more; this only makes sure that none has a hole.
  if (bad_line > 0 && reading.result.mistakes.empty())
    reading.result.mistakes.push_back({bad_line, "not understood; write KEY = VALUE"});
  return std::move(reading.result);
}

}  // namespace takt::config
