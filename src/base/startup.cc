// SPDX-License-Identifier: Apache-2.0
#include "base/startup.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/check.h"

namespace takt {
namespace {

constexpr std::array kHeldBack = {SIGTERM, SIGINT, SIGHUP};

sigset_t held_back() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : kHeldBack) ::sigaddset(&set, signal);
  return set;
}

void set_mask(int how, const sigset_t& set, sigset_t* before) {
  TAKT_CHECK(::sigprocmask(how, &set, before) == 0, "sigprocmask");
}

void set_disposition(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  TAKT_CHECK(::sigaction(signal, &action, nullptr) == 0, "sigaction %d", signal);
}

// Returns 0, or what errno was. By system calls alone, and not instrumented: when it runs first, no
// library is initialised, nor that of a sanitizer.
__attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined"))) int
fill_closed_fds() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::syscall(SYS_fcntl, fd, F_GETFD) >= 0) continue;
    const long opened = ::syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
    if (opened != fd) return opened < 0 ? errno : EBADF;
  }
  return 0;
}

__attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined"))) void
fill_before_constructors(int /*argc*/, char** /*argv*/, char** /*environment*/) {
  fill_closed_fds();
}

// The loader calls it before the constructors of any library: gRPC's opens a descriptor.
__attribute__((section(".preinit_array"),
               used)) void (*const kFillAtLoad)(int, char**, char**) = fill_before_constructors;

}  // namespace

Result<void> fill_standard_fds() {
  if (const int error = fill_closed_fds(); error != 0) return system_error("open /dev/null", error);
  return {};
}

void limit_heap_arenas() {
  constexpr int kArenas = 2;
  ::mallopt(M_ARENA_MAX, kArenas);
}

DaemonSignals::DaemonSignals() { set_mask(SIG_BLOCK, held_back(), &inherited_); }

void DaemonSignals::take() const {
  set_mask(SIG_SETMASK, held_back(), nullptr);
  for (const int signal : kHeldBack) set_disposition(signal, SIG_DFL);
  set_disposition(SIGCHLD, SIG_DFL);  // ignored, it would leave no exit status to wait for
  set_disposition(SIGPIPE, SIG_IGN);
}

void DaemonSignals::give_back() const { set_mask(SIG_SETMASK, inherited_, nullptr); }

}  // namespace takt
