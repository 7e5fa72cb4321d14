// SPDX-License-Identifier: Apache-2.0
// How a test starts a program, whatever signals the test itself inherited: a shell's background
// commands ignore SIGINT and SIGQUIT, nohup's ignore SIGHUP, and exec keeps that.
#pragma once

#include <spawn.h>

#include <csignal>

namespace takt::test {

// Attributes for posix_spawn: all signals have their default dispositions, and none is blocked.
class DefaultSignals {
 public:
  // `more`: other flags of posix_spawnattr_setflags.
  explicit DefaultSignals(short more = 0) {
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(
        &attributes_, static_cast<short>(more | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
  }
  DefaultSignals(const DefaultSignals&) = delete;
  DefaultSignals& operator=(const DefaultSignals&) = delete;
  ~DefaultSignals() { ::posix_spawnattr_destroy(&attributes_); }

  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

}  // namespace takt::test
