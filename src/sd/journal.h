// SPDX-License-Identifier: Apache-2.0
// Log lines with their fields in the journal, by its native protocol. Guarantees: no thread waits
// longer than a second for a journal that takes nothing, and once one has waited in vain nobody
// does until a line is taken again; what was not taken is counted, and told then. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"

namespace takt::sd {

class JournalLog {
 public:
  // `path` is the journal's socket; it need not be there yet.
  explicit JournalLog(std::string path);

  void line(LogLevel level, std::string_view message, const std::vector<LogField>& fields);

  // Lines that the journal did not take, and has not been told of.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(); }

 private:
  bool send(LogLevel level, std::string_view message, const std::vector<LogField>& fields);

  std::string path_;
  UniqueFd socket_;
  std::atomic<bool> patient_{true};
  std::atomic<std::uint64_t> lost_{0};
};

// Sends base/log.h's lines to the journal with PRIORITY, SYSLOG_IDENTIFIER (the program's name) and
// their own fields, when stderr is connected to the journal (JOURNAL_STREAM names it). Else lines
// stay on stderr, and it returns false.
bool install_journal_log_sink();

}  // namespace takt::sd
