// SPDX-License-Identifier: Apache-2.0
#include "base/startup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

namespace takt {
namespace {

// Runs `body` in a process of its own, which may do anything to its signals and descriptors. The
// number of the first check that failed, or 0.
int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void ignore(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  ::sigaction(signal, &action, nullptr);
}

bool has_disposition(int signal, void (*handler)(int)) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == handler;
}

bool is_blocked(int signal) {
  sigset_t mask;
  return ::sigprocmask(SIG_BLOCK, nullptr, &mask) == 0 && ::sigismember(&mask, signal) == 1;
}

bool is_pending(int signal) {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && ::sigismember(&pending, signal) == 1;
}

void set_mask(std::initializer_list<int> signals) {
  sigset_t mask;
  ::sigemptyset(&mask);
  for (const int signal : signals) ::sigaddset(&mask, signal);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
}

TEST(FillStandardFds, KeepsOthersOffEveryOneThatWasClosed) {
  for (int closed = 0; closed < 8; ++closed) {
    const int failed = in_child([closed] {
      for (int fd = 0; fd <= 2; ++fd)
        if (((closed >> fd) & 1) != 0) ::close(fd);
      if (!fill_standard_fds()) return 1;
      for (int fd = 0; fd <= 2; ++fd)
        if (::fcntl(fd, F_GETFD) != 0) return 2;  // open, and inherited by children
      const int next = ::open("/", O_PATH | O_CLOEXEC);
      return next > 2 ? 0 : 3;
    });
    EXPECT_EQ(failed, 0) << "closed: " << closed;
  }
}

TEST(FillStandardFds, ReadsEndAndWritesFailAsBefore) {
  const int failed = in_child([] {
    for (int fd = 0; fd <= 2; ++fd) ::close(fd);
    if (!fill_standard_fds()) return 1;
    char byte = 0;
    if (::read(STDIN_FILENO, &byte, 1) != 0) return 2;
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
      if (::write(fd, "x", 1) != -1 || errno != EBADF) return 3;
    return 0;
  });
  EXPECT_EQ(failed, 0);
}

TEST(DaemonSignals, AreHeldBackFromTheStart) {
  const int failed = in_child([] {
    set_mask({SIGUSR1});
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_DFL);
    const DaemonSignals signals;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::raise(signal);
    signals.take();
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
      if (!is_pending(signal)) return 1;
    return is_blocked(SIGUSR1) ? 2 : 0;
  });
  EXPECT_EQ(failed, 0);
}

TEST(DaemonSignals, CountWhateverWasInherited) {
  const int failed = in_child([] {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ignore(signal);
    set_mask({SIGTERM, SIGHUP, SIGCHLD});
    const DaemonSignals signals;
    ::raise(SIGTERM);
    signals.take();
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
      if (!has_disposition(signal, SIG_DFL)) return 1;
    if (!has_disposition(SIGPIPE, SIG_IGN)) return 2;
    if (!is_pending(SIGTERM)) return 3;
    return is_blocked(SIGCHLD) ? 4 : 0;
  });
  EXPECT_EQ(failed, 0);
}

TEST(DaemonSignals, GivenBackTheyEndTheProcess) {
  const int ended_by = in_child([] {
    set_mask({});
    std::signal(SIGTERM, SIG_DFL);
    const DaemonSignals signals;
    ::raise(SIGTERM);
    signals.give_back();
    return 0;
  });
  EXPECT_EQ(ended_by, 1000 + SIGTERM);
}

TEST(DaemonSignals, GivenBackTheyStayIgnoredAndBlocked) {
  const int failed = in_child([] {
    ignore(SIGHUP);
    set_mask({SIGINT});
    const DaemonSignals signals;
    for (const int signal : {SIGHUP, SIGINT}) ::raise(signal);
    signals.give_back();
    if (!has_disposition(SIGHUP, SIG_IGN)) return 1;
    return is_blocked(SIGINT) && !is_blocked(SIGHUP) ? 0 : 2;
  });
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace takt
