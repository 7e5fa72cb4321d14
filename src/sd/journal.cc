// SPDX-License-Identifier: Apache-2.0
#include "sd/journal.h"

#define SD_JOURNAL_SUPPRESS_LOCATION  // CODE_FILE would name this file for every line
#include <errno.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace takt::sd {
namespace {

// JOURNAL_STREAM is "device:inode" of the stream that the manager connected stdout or stderr to.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) < 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

void to_stderr(LogLevel level, std::string_view message) {
  std::fprintf(stderr, "<%d>%.*s\n", static_cast<int>(level), static_cast<int>(message.size()),
               message.data());
}

void to_journal(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
  std::vector<std::string> texts;
  texts.reserve(fields.size() + 3);
  texts.push_back("MESSAGE=" + std::string(message));
  texts.push_back("PRIORITY=" + std::to_string(static_cast<int>(level)));
  texts.push_back(std::string("SYSLOG_IDENTIFIER=") + program_invocation_short_name);
  for (const LogField& field : fields) texts.push_back(field.name + "=" + field.value);

  std::vector<iovec> parts;
  parts.reserve(texts.size());
  for (std::string& text : texts) parts.push_back({text.data(), text.size()});
  if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) < 0) to_stderr(level, message);
}

}  // namespace

bool install_journal_log_sink() {
  if (!stderr_is_journal()) return false;
  set_log_sink(to_journal);
  return true;
}

}  // namespace takt::sd
