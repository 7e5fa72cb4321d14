// SPDX-License-Identifier: Apache-2.0
// Attempts as the files tell them, for those that are no longer looked after.
#pragma once

#include "attempt/records.h"
#include "base/result.h"
#include "job/job.h"
#include "worker/acceptance.h"
#include "worker/state_folder.h"

namespace takt::worker {

// What is known of an attempt from its acceptance alone.
Attempt accepted_attempt(const AttemptId& id, const Acceptance& acceptance);

// How the attempt of this record got its cgroup.
Launcher launcher_of(const attempt::SupervisorRecord& supervisor);

// An ended attempt with its end. kNotFound if it is not on this worker, is another owner's or has
// no end.
Result<Attempt> stored_attempt(const StateFolder& state, const AttemptKey& key);

}  // namespace takt::worker
