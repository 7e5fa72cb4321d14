// SPDX-License-Identifier: Apache-2.0
// A job's output on its way to the journal, cut into lines by the supervisor. The first byte says
// how long a line may be, the second in what pieces the rest comes.
#include "fuzz/fuzz.h"
#include "supervisor/line_splitter.h"

namespace takt::fuzz {

bool feed(std::string_view input) {
  if (input.size() < 2) return false;
  const auto line_max = static_cast<std::size_t>(static_cast<unsigned char>(input[0])) + 1;
  const auto piece_max = static_cast<std::size_t>(static_cast<unsigned char>(input[1])) + 1;
  input.remove_prefix(2);
  std::string expected(input);
  std::erase(expected, '\n');
  std::string joined;
  const auto emit = [&](std::string_view line) {
    TAKT_CHECK(line.size() <= line_max, "a line of %zu bytes", line.size());
    TAKT_CHECK(line.find('\n') == std::string_view::npos, "two lines in one");
    joined += line;
  };
  supervisor::LineSplitter splitter(line_max);
  for (std::size_t at = 0; at < input.size(); at += piece_max)
    splitter.feed(input.substr(at, piece_max), emit);
  splitter.finish(emit);
  TAKT_CHECK(joined == expected, "bytes were lost, doubled or moved");
  return true;
}

}  // namespace takt::fuzz
