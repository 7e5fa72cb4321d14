// SPDX-License-Identifier: Apache-2.0
// What is shown of a job to those whose it is not: that it is there. Guarantees: nothing of what it
// runs (command, script, input, environment, folder, labels), of what it printed, and of any text
// that may quote either; a new field of a job is left out until it is named here. Pure.
#pragma once

#include "job/job.h"

namespace takt {

// The spec is at hand, and what is left of it too.
Job summary_of(const Job& job);
Attempt summary_of(const Attempt& attempt);
JobEnd summary_of(const JobEnd& end);

}  // namespace takt
