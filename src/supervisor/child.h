// SPDX-License-Identifier: Apache-2.0
// What happens between clone and exec, in the process that becomes the job's leader. Guarantees:
// nothing of the supervisor reaches the job (descriptors, signals, limits, environment, keys); the
// first step that fails ends the child, and travels back by name with its errno.
#pragma once

#include <cstdint>

#include "attempt/plan.h"

namespace takt::supervisor {

// The steps of a start, in the order in which they are taken. The first ones happen in the
// supervisor, all others in the child.
enum class Step : std::uint8_t {
  kSupervise,
  kStdin,
  kPipes,
  kClone,
  kSignals,
  kOomScore,
  kRlimits,
  kSetsid,
  kStdio,
  kNice,
  kKeyring,
  kSetgroups,
  kSetgid,
  kSetuid,
  kNoNewPrivs,
  kChdir,
  kCloseFds,
  kExec,
};

// A step's name for people, and the spec's field that it comes from ("" if none).
const char* step_name(Step step);
const char* step_field(Step step);

// What a failed child writes into its start pipe; a successful exec closes the pipe instead.
struct StartFailure {
  Step step = Step::kSupervise;
  int error_number = 0;
};

// The descriptors of a child, all above 2. The start pipe is close-on-exec.
struct ChildFds {
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int start_pipe = -1;
};

// Never returns: becomes the command, or writes a StartFailure and exits.
[[noreturn]] void run_child(const attempt::LaunchPlan& plan, const ChildFds& fds);

}  // namespace takt::supervisor
