// SPDX-License-Identifier: Apache-2.0
// What a program sets right at the start of main(), because it may have inherited anything: closed
// descriptors, ignored and blocked signals; and how a daemon's heap behaves.
#pragma once

#include <csignal>

#include "base/result.h"

namespace takt {

// Opens /dev/null as each of descriptors 0, 1 and 2 that is closed: the next file or socket would
// get that number, and with it what is meant for a standard stream. As before, there is nothing to
// read, and a write fails with EBADF. In a program that calls it, the loader has run it before the
// constructors of all libraries; the call in main() returns the error.
Result<void> fill_standard_fds();

// For a daemon, before it starts threads: its heap has two arenas. glibc makes eight for each
// processor, and each keeps, in pieces, what a burst of calls needed.
void limit_heap_arenas();

// Holds back SIGTERM, SIGINT and SIGHUP from its construction on, so that none of them ends a
// daemon before its event loop acts on them. Make it first, before other threads are started.
class DaemonSignals {
 public:
  DaemonSignals();

  // For a daemon: unblocks all other signals. Gives SIGTERM, SIGINT, SIGHUP and SIGCHLD their
  // default dispositions, and ignores SIGPIPE. What was held back stays pending for the event loop.
  void take() const;

  // For a command that ends by itself: restores the signal mask that was inherited.
  void give_back() const;

 private:
  sigset_t inherited_{};
};

}  // namespace takt
