// SPDX-License-Identifier: Apache-2.0
// The pause process of takt-jobs-direct.service: it holds the delegated cgroup, below which the
// cgroup launcher makes one cgroup per attempt. Guarantees: sits in a leaf of its own, enables no
// controller, and says READY=1 only once the unit's own cgroup is free of processes.
#pragma once

namespace takt::supervisor {

// Until SIGTERM, or SIGCONT from PID 1; the exit code of the process.
int run_hold();

}  // namespace takt::supervisor
