// SPDX-License-Identifier: Apache-2.0
// Starting the leader: its three standard descriptors, and the clone into job/.
#pragma once

#include <sys/types.h>

#include <variant>

#include "attempt/plan.h"
#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "supervisor/child.h"

namespace takt::supervisor {

struct Leader {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd start_pipe;   // readable when the exec succeeded (end-of-file) or failed; non-blocking
  UniqueFd stdout_pipe;  // read ends, non-blocking
  UniqueFd stderr_pipe;
};

// Clones the leader into `job`. In the parent only; the child goes on in run_child.
std::variant<Leader, StartFailure> launch_leader(const attempt::LaunchPlan& plan,
                                                 const cgroup::Cgroup& job);

// What the start pipe says so far: nothing yet; success; or the failure.
enum class StartState { kPending, kExecuted, kFailed };
StartState read_start_pipe(int start_pipe, StartFailure& failure);

}  // namespace takt::supervisor
