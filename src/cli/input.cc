// SPDX-License-Identifier: Apache-2.0
#include "cli/input.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/limits.h"
#include "base/units.h"

namespace takt::cli {
namespace {

Result<bool> sendable(int fd) {
  struct stat about {};
  if (::fstat(fd, &about) != 0) {
    if (errno == EBADF) return false;
    return system_error("standard input");
  }
  if (S_ISDIR(about.st_mode)) return system_error("standard input", EISDIR);
  return S_ISREG(about.st_mode) || S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode);
}

// Waits until there is something, or the end; false if a signal came first.
bool wait_for_input(const Io& io, Console& console, bool& told) {
  std::array<pollfd, 2> fds{{{io.in, POLLIN, 0}, {io.interrupts->poll_fd(), POLLIN, 0}}};
  for (;;) {
    const int wait_ms =
        told ? -1 : static_cast<int>(milliseconds(limits::kClientTellAfter).count());
    const int ready = ::poll(fds.data(), fds.size(), wait_ms);
    if (io.interrupts->pending()) return false;
    if (ready > 0) return true;
    if (ready < 0) continue;
    told = true;
    console.note(
        "waiting for the end of standard input, which is sent along with the job; -n runs it "
        "without, and Ctrl-C gives up.");
  }
}

}  // namespace

Result<std::optional<std::string>> read_input(const Io& io, Console& console) {
  const auto send = sendable(io.in);
  if (!send) return send.error();
  if (!*send) return std::optional<std::string>();
  std::string data;
  std::array<char, 16384> buffer;
  bool told = false;
  for (;;) {
    if (!wait_for_input(io, console, told)) return make_error(ErrorCode::kCancelled, "interrupted");
    const ssize_t got = ::read(io.in, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0 && errno == EBADF) return std::optional<std::string>();  // open for writing only
    if (got < 0) return system_error("read standard input");
    if (got == 0) break;
    data.append(buffer.data(), static_cast<std::size_t>(got));
    if (data.size() > limits::kSpecMaxBytes)
      return make_error(ErrorCode::kInvalid,
                        "standard input holds more than the " +
                            format_bytes(limits::kSpecMaxBytes) +
                            " that a job with all its parts may take. Put it in a file that the "
                            "workers can read, or leave it out with -n");
  }
  if (data.empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(data));
}

}  // namespace takt::cli
