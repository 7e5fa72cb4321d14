// SPDX-License-Identifier: Apache-2.0
// Puts what a job may use in force. Guarantees: a limit counts as in force only once the kernel has
// been asked again and says the same; one that this host cannot enforce is refused, naming the
// field of the spec and the controller that is missing.
#pragma once

#include "attempt/plan.h"
#include "base/result.h"
#include "cgroup/cgroup.h"

namespace takt::supervisor {

// Gives the children of `base` the controllers that the limits need, and those that count what is
// used, as far as `base` has them. No process may be in `base` itself.
Result<void> enable_controllers(const cgroup::Cgroup& base, const attempt::CgroupLimits& limits);

// Writes the hard limits to `job`, an empty child of `base`, and the weights to `base`.
Result<void> apply_limits(const cgroup::Cgroup& base, const cgroup::Cgroup& job,
                          const attempt::CgroupLimits& limits);

}  // namespace takt::supervisor
