// SPDX-License-Identifier: Apache-2.0
#include "attempt/output_files.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/fs.h"

namespace takt::attempt {
namespace {

// The start in the name of a piece of `file`.
std::optional<std::uint64_t> parse_piece(std::string_view name, std::string_view file) {
  if (name == file) return 0;
  if (!name.starts_with(file) || name.size() < file.size() + 2 || name[file.size()] != '.')
    return std::nullopt;
  std::uint64_t start = 0;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + file.size() + 1, end, start);
  if (parsed.ec != std::errc() || parsed.ptr != end || piece_name(file, start) != name)
    return std::nullopt;
  return start;
}

}  // namespace

std::string piece_name(std::string_view file, std::uint64_t start) {
  return start == 0 ? std::string(file) : std::string(file) + "." + std::to_string(start);
}

Result<OutputFiles> list_output_files(int folder) {
  auto names = list_directory(folder);
  if (!names) return names.error();
  OutputFiles files;
  const auto take = [](const std::string& name, const char* file, std::vector<std::uint64_t>& to) {
    if (const auto start = parse_piece(name, file)) to.push_back(*start);
  };
  for (const std::string& name : *names) {
    for (const Stream stream : kStreams)
      take(name, file_of(stream), files.streams[index_of(stream)]);
    take(name, kTimelineFile, files.timeline);
  }
  for (auto& starts : files.streams) std::sort(starts.begin(), starts.end());
  std::sort(files.timeline.begin(), files.timeline.end());
  return files;
}

}  // namespace takt::attempt
