// SPDX-License-Identifier: Apache-2.0
#include "cgroup/files.h"

#include <charconv>

namespace takt::cgroup {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::size_t end = text.find_first_of(separators);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(parts.back().size());
  }
  return parts;
}

template <class T>
std::optional<T> to_number(std::string_view text) {
  T value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<microseconds> to_span(const FlatKeyed& values, std::string_view key) {
  const auto us = find_value(values, key);
  if (!us) return std::nullopt;
  return microseconds(static_cast<std::int64_t>(*us));
}

void add(std::optional<std::uint64_t>& sum, std::string_view word, std::string_view key) {
  if (!word.starts_with(key)) return;
  const auto value = to_number<std::uint64_t>(word.substr(key.size()));
  if (value) sum = sum.value_or(0) + *value;
}

// mountinfo writes blanks, tabs, newlines and backslashes as \ooo.
std::string unescape_octal(std::string_view text) {
  std::string plain;
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3);
    if (!escape) {
      plain += text[i];
      continue;
    }
    plain +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

}  // namespace

FlatKeyed parse_flat_keyed(std::string_view text) {
  FlatKeyed values;
  for (const std::string_view line : split(text, "\n")) {
    const auto words = split(line, " ");
    if (words.size() != 2) continue;
    const auto value = to_number<std::uint64_t>(words[1]);
    if (value) values.insert_or_assign(std::string(words[0]), *value);
  }
  return values;
}

std::optional<std::uint64_t> find_value(const FlatKeyed& values, std::string_view key) {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const auto words = split(text, " \n");
  if (words.size() != 1) return std::nullopt;
  return to_number<std::uint64_t>(words[0]);
}

std::vector<pid_t> parse_pids(std::string_view text) {
  std::vector<pid_t> pids;
  for (const std::string_view line : split(text, "\n")) {
    const auto pid = to_number<pid_t>(line);
    if (pid && *pid > 0) pids.push_back(*pid);
  }
  return pids;
}

std::vector<std::string> parse_words(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text, " \n")) words.emplace_back(word);
  return words;
}

CpuStat parse_cpu_stat(std::string_view text) {
  const FlatKeyed values = parse_flat_keyed(text);
  return CpuStat{.usage = to_span(values, "usage_usec"),
                 .user = to_span(values, "user_usec"),
                 .system = to_span(values, "system_usec")};
}

IoStat parse_io_stat(std::string_view text) {
  IoStat sums;
  for (const std::string_view word : split(text, " \n")) {
    add(sums.read_bytes, word, "rbytes=");
    add(sums.write_bytes, word, "wbytes=");
  }
  return sums;
}

std::optional<std::string> parse_process_cgroup(std::string_view text) {
  constexpr std::string_view kPrefix = "0::";
  constexpr std::string_view kDeleted = " (deleted)";
  for (std::string_view line : split(text, "\n")) {
    if (!line.starts_with(kPrefix)) continue;
    line.remove_prefix(kPrefix.size());
    if (line.ends_with(kDeleted)) line.remove_suffix(kDeleted.size());
    if (!line.starts_with('/')) return std::nullopt;
    return std::string(line);
  }
  return std::nullopt;
}

std::optional<Mount> parse_cgroup2_mount(std::string_view mountinfo) {
  for (const std::string_view line : split(mountinfo, "\n")) {
    // id parent dev root point options [optional…] - type source super-options
    const auto words = split(line, " ");
    std::size_t dash = 6;
    while (dash < words.size() && words[dash] != "-") ++dash;
    if (dash + 1 >= words.size() || words[dash + 1] != "cgroup2") continue;
    return Mount{.root = unescape_octal(words[3]), .point = unescape_octal(words[4])};
  }
  return std::nullopt;
}

}  // namespace takt::cgroup
