// SPDX-License-Identifier: Apache-2.0
#include "supervisor/signals.h"

#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <csignal>
#include <tuple>

namespace takt::supervisor {
namespace {

constexpr pid_t kInitPid = 1;

std::string sender_of(const signalfd_siginfo& info) {
  return "signal from pid " + std::to_string(info.ssi_pid) + " (uid " +
         std::to_string(info.ssi_uid) + ")";
}

// si_pid is the kernel's word only for kill(2) and its like.
bool from_init(const signalfd_siginfo& info) {
  return info.ssi_code == SI_USER && info.ssi_pid == kInitPid;
}

}  // namespace

void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  TAKT_CHECK(::sigprocmask(SIG_SETMASK, &all, nullptr) == 0, "cannot block signals");
  struct sigaction action {};
  // Children are reaped here, unlike in the spawner.
  action.sa_handler = SIG_DFL;
  std::ignore = ::sigaction(SIGCHLD, &action, nullptr);
  action.sa_handler = SIG_IGN;
  std::ignore = ::sigaction(SIGPIPE, &action, nullptr);
}

Result<Signals> Signals::open() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGTERM);
  ::sigaddset(&wanted, SIGCONT);
  ::sigaddset(&wanted, SIGCHLD);
  UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return system_error("signalfd");
  return Signals(std::move(fd));
}

Seen Signals::take() {
  Seen seen;
  signalfd_siginfo info{};
  while (::read(fd(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGCHLD) seen.child = true;
    if (info.ssi_signo == SIGTERM) seen.stop = StopSignal{.by = sender_of(info)};
    if (info.ssi_signo == SIGCONT && from_init(info))
      seen.stop = StopSignal{.by = "systemctl stop", .by_systemd = true};
  }
  return seen;
}

Result<DeadlineTimer> DeadlineTimer::open() {
  UniqueFd fd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) return system_error("timerfd");
  return DeadlineTimer(std::move(fd));
}

void DeadlineTimer::arm(std::optional<BootTime> deadline) {
  if (deadline == armed_) return;
  itimerspec when{};
  if (deadline) {
    const nanoseconds since_boot = deadline->time_since_epoch();
    const auto whole = std::chrono::duration_cast<seconds>(since_boot);
    when.it_value.tv_sec = whole.count();
    when.it_value.tv_nsec = (since_boot - whole).count();
  }
  TAKT_CHECK(::timerfd_settime(fd(), TFD_TIMER_ABSTIME, &when, nullptr) == 0, "timerfd_settime");
  armed_ = deadline;
}

}  // namespace takt::supervisor
