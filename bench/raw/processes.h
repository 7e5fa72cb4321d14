// SPDX-License-Identifier: Apache-2.0
// Raw loops around /bin/true: what the kernel alone needs for a process. Every failure aborts.
#pragma once

#include <string>

#include "bench/raw/outcome.h"

namespace takt::bench {

// posix_spawn and wait of `count` processes, of which `in_flight` run at a time.
Outcome spawn_loop(int count, int in_flight);

// The same by clone3 into a cgroup of its own for each process, which is made before and removed
// after. They are made below the cgroup directory `parent`, which is made and removed, too.
Outcome clone_loop(int count, int in_flight, const std::string& parent);

}  // namespace takt::bench
