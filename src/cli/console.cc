// SPDX-License-Identifier: Apache-2.0
#include "cli/console.h"

#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace takt::cli {
namespace {

// What a pipe that poll calls writable takes without blocking.
constexpr std::size_t kPieceBytes = 4096;

bool has(const Io& io, const std::string& name) {
  const auto value = io.environment ? io.environment(name) : std::nullopt;
  return value && !value->empty();
}

std::size_t terminal_columns(const Io& io) {
  winsize size{};
  if (::ioctl(io.out, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const std::string text = (io.environment ? io.environment("COLUMNS") : std::nullopt).value_or("");
  std::size_t columns = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), columns);
  return parsed.ec == std::errc() && columns > 0 ? columns : 80;
}

}  // namespace

Console::Console(const Io& io, bool no_color) : io_(io), err_is_terminal_(::isatty(io.err) == 1) {
  if (::isatty(io.out) != 1) return;
  const auto term = io.environment ? io.environment("TERM") : std::nullopt;
  screen_.colour = !no_color && !has(io, "NO_COLOR") && term && *term != "dumb";
  screen_.utf8 = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
  screen_.columns = terminal_columns(io);
}

WriteEnd Console::write(bool error, std::string_view data, std::size_t& written) {
  const int fd = error ? io_.err : io_.out;
  while (!data.empty()) {
    std::array<pollfd, 2> fds{{{fd, POLLOUT, 0}, {io_.interrupts->poll_fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) break;
    if (io_.interrupts->pending()) return WriteEnd::kInterrupted;
    const ssize_t put = ::write(fd, data.data(), std::min(data.size(), kPieceBytes));
    if (put < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (put < 0) break;
    data.remove_prefix(static_cast<std::size_t>(put));
    written += static_cast<std::size_t>(put);
  }
  if (data.empty()) return WriteEnd::kDone;
  if (errno == EPIPE) return WriteEnd::kClosed;
  write_error_ = system_error(error ? "write standard error" : "write standard output").message;
  return WriteEnd::kFailed;
}

bool Console::out(std::string_view text) {
  std::size_t written = 0;
  const WriteEnd end = write(false, text, written);
  if (end == WriteEnd::kFailed) note(write_error_ + ".");
  return end == WriteEnd::kDone;
}

bool Console::reader_gone() const {
  pollfd out{io_.out, 0, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

void Console::note(std::string_view text) {
  progress("");
  std::string line = "takt: " + std::string(text) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t put = ::write(io_.err, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return;  // there is nowhere left to say so
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
}

void Console::progress(std::string_view text) {
  if (!err_is_terminal_ || (text.empty() && !progress_shown_)) return;
  progress_shown_ = !text.empty();
  const std::string line = "\r" + std::string(text) + "\033[K";
  std::size_t ignored = 0;
  write(true, line, ignored);
}

}  // namespace takt::cli
