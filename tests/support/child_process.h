// SPDX-License-Identifier: Apache-2.0
// A program as a child of the test. Guarantees: killed and reaped with its owner; every wait has an
// end.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace takt::test {

class ChildProcess {
 public:
  // Starts `argv`, with the test's environment, default signals, stdin from /dev/null, and stdout
  // and stderr appended to `log`. Aborts if it cannot be started.
  ChildProcess(const std::vector<std::string>& argv, const std::string& log);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  [[nodiscard]] bool running() const;
  // Its wait status, once it has ended; nothing when the patience is over.
  std::optional<int> wait();

 private:
  pid_t pid_ = 0;
  UniqueFd pidfd_;
  std::optional<int> status_;
};

// Processes whose parent is this one (orphans too, once it is their subreaper), zombies included.
std::vector<pid_t> children_of(pid_t pid);

// Takes in every child of this process that has ended; what runs is left alone. Not while a
// ChildProcess may end: its status would be lost.
void reap_orphans();

}  // namespace takt::test
