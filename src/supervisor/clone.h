// SPDX-License-Identifier: Apache-2.0
// fork(2) as clone3(2): with a pidfd from the very start, and straight into a cgroup. Only for
// single-threaded processes.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::supervisor {

struct Cloned {
  pid_t pid = 0;   // 0 in the child
  UniqueFd pidfd;  // in the parent only
};

// Returns twice, like fork. With `cgroup` (a directory descriptor) the child begins its life there.
Result<Cloned> clone_process(std::optional<int> cgroup);

}  // namespace takt::supervisor
