// SPDX-License-Identifier: Apache-2.0
// From the id in a person's request to the attempt that it means. Loop thread only.
#pragma once

#include "worker/core.h"

namespace takt::worker {

// The attempt of this job and number, 0 for the latest one on this worker, of any owner: the key
// says who. What the caller may do with it is for the caller of this to decide. kNotFound: it is
// not on this worker. kDataLoss: its records cannot be read.
Result<AttemptKey> resolve(const Core& core, const Uuid& job_id, int number);

// The attempt as it is now. kNotFound: it is not on this worker, or another owner's.
Result<Attempt> find_attempt(const Core& core, const AttemptKey& key);

}  // namespace takt::worker
