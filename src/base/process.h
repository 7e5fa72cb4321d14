// SPDX-License-Identifier: Apache-2.0
// Processes by pidfd. A bare pid is for display only: what a pid names may change; what a pidfd
// names never does.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt {

// A descriptor for the process that has this pid now. kSystem/ESRCH if there is none.
Result<UniqueFd> open_pidfd(pid_t pid);

// Sends `signal` to exactly the process behind `pidfd`. kSystem/ESRCH once it has ended.
Result<void> signal_pidfd(int pidfd, int signal);

// True once the process has ended (reaped or not). Does not block.
bool pidfd_ended(int pidfd);

// When the process started, in clock ticks since boot (field 22 of /proc/PID/stat): with the boot
// id, this tells one process from a later one of the same pid.
Result<std::uint64_t> process_start_ticks(pid_t pid);

// Raises this process's soft limit of open descriptors to its hard one. The soft limit is low for
// the sake of select(2) alone, which nothing here uses. Children inherit it.
Result<void> raise_descriptor_limit();

// True if this process may open `count` descriptors more, as the lowest free number tells. It is a
// guess to both sides only where others open and close at the same time.
bool can_open(std::size_t count);

}  // namespace takt
