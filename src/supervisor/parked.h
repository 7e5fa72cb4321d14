// SPDX-License-Identifier: Apache-2.0
// A supervisor before `go`. Guarantees: it holds no descriptor but its control socket and what it
// is sent; writes nothing anywhere but cgroup leaves; on end-of-file it takes its leaves away and
// exits, so that a start that the worker gave up, or did not live to finish, leaves no trace.
#pragma once

#include "base/unique_fd.h"

namespace takt::supervisor {

// In the spawner's child: never returns.
[[noreturn]] void run_parked(UniqueFd control);

}  // namespace takt::supervisor
