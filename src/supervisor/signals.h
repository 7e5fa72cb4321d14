// SPDX-License-Identifier: Apache-2.0
// Signals as input of the loop. Guarantees: all signals are blocked, so that none ends the process;
// those that mean something are read here.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::supervisor {

// Blocks every signal, and gives SIGCHLD and SIGPIPE the dispositions that a supervisor needs.
void block_signals();

// A stop, by signal.
struct StopSignal {
  std::string by;           // who signaled
  bool by_systemd = false;  // by the unit's KillSignal
};

// What signals asked for since the last look.
struct Seen {
  bool child = false;  // a child may have ended
  std::optional<StopSignal> stop;
};

class Signals {
 public:
  // After block_signals(). What was pending before is seen too.
  static Result<Signals> open();
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Never blocks. SIGTERM is a stop, and so is a SIGCONT from PID 1 (the scope's KillSignal): all
  // other SIGCONTs mean nothing.
  [[nodiscard]] Seen take();

 private:
  explicit Signals(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// One deadline on CLOCK_BOOTTIME.
class DeadlineTimer {
 public:
  static Result<DeadlineTimer> open();
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Readable from `deadline` on; unset is never.
  void arm(std::optional<BootTime> deadline);

 private:
  explicit DeadlineTimer(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::optional<BootTime> armed_;
};

}  // namespace takt::supervisor
