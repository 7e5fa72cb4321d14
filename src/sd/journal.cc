// SPDX-License-Identifier: Apache-2.0
#include "sd/journal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "sd/journal_field.h"

namespace takt::sd {
namespace {

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
constexpr timeval kSendTimeout{.tv_sec = 1, .tv_usec = 0};

// JOURNAL_STREAM is "device:inode" of the stream that the manager connected stdout or stderr to.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) < 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

void to_journal(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
  static JournalLog& journal = *new JournalLog(kJournalSocket);  // threads log to the very end
  journal.line(level, message, fields);
}

}  // namespace

JournalLog::JournalLog(std::string path)
    : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
}

void JournalLog::line(LogLevel level, std::string_view message,
                      const std::vector<LogField>& fields) {
  if (!send(level, message, fields)) {
    lost_.fetch_add(1);
    return;
  }
  const std::uint64_t lost = lost_.exchange(0);
  if (lost == 0) return;
  const std::string told = "lines of this log that the journal did not take: ";
  if (!send(LogLevel::kWarning, told + std::to_string(lost), {})) lost_.fetch_add(lost);
}

bool JournalLog::send(LogLevel level, std::string_view message,
                      const std::vector<LogField>& fields) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return false;
  path_.copy(address.sun_path, path_.size());
  std::string entry;
  append_journal_field(entry, "MESSAGE", message);
  append_journal_field(entry, "PRIORITY", std::to_string(static_cast<int>(level)));
  append_journal_field(entry, "SYSLOG_IDENTIFIER", program_invocation_short_name);
  for (const LogField& field : fields) append_journal_field(entry, field.name, field.value);
  // By its path each time: a journal that has been restarted has another socket there.
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  const int flags = MSG_NOSIGNAL | (patient_ ? 0 : MSG_DONTWAIT);
  ssize_t put = -1;
  do {
    put = ::sendto(socket_.get(), entry.data(), entry.size(), flags, where, sizeof address);
  } while (put < 0 && errno == EINTR);
  patient_ = put >= 0 || errno != EAGAIN;
  return put >= 0;
}

bool install_journal_log_sink() {
  if (!stderr_is_journal()) return false;
  set_log_sink(to_journal);
  return true;
}

}  // namespace takt::sd
