// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string_view>

#include "base/check.h"

namespace takt::cli {
namespace {

// The other screen, without a cursor and without going on in the next line; and back.
constexpr std::string_view kEnter = "\033[?1049h\033[?25l\033[?7l\033[H\033[2J";
constexpr std::string_view kLeave = "\033[?7h\033[?25h\033[?1049l";
constexpr std::array kSignals = {SIGWINCH, SIGTSTP, SIGCONT, SIGHUP, SIGQUIT};
constexpr std::array kCrashes = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr int kPatienceMs = 500;  // with a terminal that takes nothing

// All that a handler of a crash may look at.
struct Restore {
  int in = -1;
  int out = -1;
  bool keys = false;
  termios before{};
};
Restore restore_data;
std::atomic<bool> is_taken = false;
static_assert(std::atomic<bool>::is_always_lock_free, "for handlers of signals");

// Only what a handler of a signal may call.
void put(int fd, std::string_view text) {
  pollfd ready{fd, POLLOUT, 0};
  while (!text.empty() && ::poll(&ready, 1, kPatienceMs) == 1) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void give_back() {
  if (!is_taken.exchange(false)) return;
  put(restore_data.out, kLeave);
  if (restore_data.keys) ::tcsetattr(restore_data.in, TCSANOW, &restore_data.before);
}

void on_crash(int signal) {
  give_back();
  ::raise(signal);  // as if there were no handler: SA_RESETHAND
}

sigset_t signals_not_ignored() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kSignals) {
    struct sigaction now {};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

Result<std::unique_ptr<Terminal>> Terminal::take(int in, int out) {
  TAKT_CHECK(!is_taken.load(), "the terminal is taken already");
  std::unique_ptr<Terminal> terminal(new Terminal(in, out));
  terminal->keys_ = ::isatty(in) == 1;
  if (terminal->keys_ && ::tcgetattr(in, &terminal->before_) != 0)
    return system_error("read the terminal's settings");
  const sigset_t set = signals_not_ignored();
  const int failed = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (failed != 0) return system_error("block signals", failed);
  terminal->signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!terminal->signals_) return system_error("watch signals");
  restore_data = {in, out, terminal->keys_, terminal->before_};
  struct sigaction crash {};
  crash.sa_handler = on_crash;
  crash.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kCrashes) sigaction(signal, &crash, nullptr);
  terminal->enter();
  return terminal;
}

Terminal::~Terminal() { leave(); }

void Terminal::enter() {
  if (keys_) {
    termios raw = before_;
    // Ctrl-C and Ctrl-Z are signals as ever; Ctrl-S would stop the screen.
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(in_, TCSANOW, &raw);
  }
  is_taken.store(true);
  put(out_, kEnter);
}

void Terminal::leave() { give_back(); }

TerminalSize Terminal::size() const {
  winsize size{};
  if (::ioctl(out_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

// Stops as any program does at Ctrl-Z, so that the shell says so.
void Terminal::stop() {
  leave();
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(SIGTSTP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  enter();
}

std::optional<int> Terminal::on_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == ssize_t{sizeof info}) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGHUP || signal == SIGQUIT) return signal;
    if (signal == SIGTSTP) stop();
    if (signal == SIGCONT) enter();  // whoever had the terminal meanwhile may have changed it
  }
  return std::nullopt;
}

std::string Terminal::read_keys() {
  std::array<char, 64> buffer{};
  const ssize_t got = ::read(in_, buffer.data(), buffer.size());
  if (got <= 0) {
    keys_ = got < 0 && (errno == EINTR || errno == EAGAIN);  // else nobody is there any more
    return "";
  }
  std::string keys;
  for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(got)))
    if (plain(c)) keys += c;
  return keys;
}

// Escape and a character; with "O", another one; with "[", all up to a letter or the like.
bool Terminal::plain(char c) {
  switch (within_) {
    case Within::kNone:
      if (c != '\033') return true;
      within_ = Within::kEscape;
      return false;
    case Within::kEscape:
      within_ = c == 'O' ? Within::kOne : c == '[' ? Within::kMany : Within::kNone;
      return false;
    case Within::kOne:
      within_ = Within::kNone;
      return false;
    case Within::kMany:
      if (c >= '@') within_ = Within::kNone;
      return false;
  }
  return false;
}

std::string Terminal::frame(const std::string& lines) {
  std::string text = "\033[H";
  for (const char c : lines) {
    if (c == '\n')
      text += "\033[K\r\n";
    else
      text += c;
  }
  return text + "\033[K\033[J";
}

}  // namespace takt::cli
