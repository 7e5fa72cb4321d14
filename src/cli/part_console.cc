// SPDX-License-Identifier: Apache-2.0
#include "cli/part_console.h"

namespace takt::cli {
namespace {

// A line without an end is not kept beyond this; it is passed on as if it had ended.
constexpr std::size_t kLineMaxBytes = 64 * 1024;

}  // namespace

WriteEnd PartConsole::write(bool error, std::string_view data, std::size_t& written) {
  std::string& rest = rest_[error ? 1 : 0];
  std::string lines;
  written += data.size();
  while (!data.empty()) {
    const std::size_t newline = data.find('\n');
    rest += data.substr(0, newline);
    data.remove_prefix(newline == std::string_view::npos ? data.size() : newline + 1);
    if (newline == std::string_view::npos && rest.size() < kLineMaxBytes) break;
    lines += prefix_ + rest + "\n";
    rest.clear();
  }
  return pass_on(error, lines);
}

// A signal is answered by who follows all of them; here it only delays what is written.
WriteEnd PartConsole::pass_on(bool error, std::string_view lines) {
  std::unique_lock lock(shared_.mutex);
  while (!lines.empty()) {
    std::size_t put = 0;
    const WriteEnd end = shared_.console.write(error, lines, put);
    lines.remove_prefix(put);
    if (end == WriteEnd::kInterrupted)
      shared_.answered.wait_for(lock, kSignalPoll);
    else if (end != WriteEnd::kDone)
      return end;
  }
  return WriteEnd::kDone;
}

void PartConsole::finish() {
  for (const bool error : {false, true}) {
    std::string& rest = rest_[error ? 1 : 0];
    if (!rest.empty()) pass_on(error, prefix_ + rest + "\n");
    rest.clear();
  }
}

void PartConsole::note(std::string_view text) {
  const std::lock_guard lock(shared_.mutex);
  shared_.console.note(prefix_ + std::string(text));
}

const std::string& PartConsole::write_error() const { return shared_.console.write_error(); }

}  // namespace takt::cli
