// SPDX-License-Identifier: Apache-2.0
// Ending all of job/, in steps. Nothing here waits: the loop calls on_deadline() when deadline()
// has come, and is done when job/ is empty.
//
//   step     entered by                                    deadline
//   kNone    the beginning                                 none
//   kAsked   stop() or end_rest(): the stop signal sent    the grace; 2 s for what a leader left
//   kKilled  on_deadline(): 1 written to cgroup.kill       none: the kernel does the rest
//
// Guarantees: no process gets the stop signal twice in one pass; none outside of job/ gets any, but
// for a leader that was moved elsewhere (su with pam_systemd is, into a session of its own); a
// later request never shortens nor lengthens a deadline that runs for all of the tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "attempt/plan.h"
#include "base/clock.h"
#include "cgroup/cgroup.h"

namespace takt::supervisor {

struct LeaderRef {
  pid_t pid = 0;
  int pidfd = -1;
};

class TreeStop {
 public:
  // `job` outlives this.
  explicit TreeStop(const cgroup::Cgroup& job) : job_(job) {}

  // A stop while the leader runs. Only the first one counts. The pidfd outlives this.
  void stop(int signal, attempt::StopTarget target, LeaderRef leader, microseconds grace);
  // The leader has ended and left processes behind.
  void end_rest(int signal);
  void on_deadline();

  [[nodiscard]] std::optional<BootTime> deadline() const { return deadline_; }
  // Whether something was left to kill when the patience was over.
  [[nodiscard]] bool sigkill_needed() const { return sigkill_needed_; }
  // Processes that were left behind by a leader which ended by itself.
  [[nodiscard]] std::uint64_t stragglers() const { return stragglers_; }

 private:
  enum class Step { kNone, kAsked, kKilled };

  Step step_ = Step::kNone;
  const cgroup::Cgroup& job_;
  LeaderRef leader_;
  std::optional<BootTime> deadline_;
  bool all_asked_ = false;
  bool sigkill_needed_ = false;
  std::uint64_t stragglers_ = 0;
};

// Sends `signal` once to every process in `cgroup` and below, those included that were forked
// meanwhile, and SIGCONT after it so that stopped ones see it. Returns how many there were.
std::size_t signal_tree(const cgroup::Cgroup& cgroup, int signal);

}  // namespace takt::supervisor
