// SPDX-License-Identifier: Apache-2.0
// JobSpec between the API and the domain. What this build does not honour is refused here, by the
// name of the field, with kUnimplemented; nothing is ignored.
#pragma once

#include "base/result.h"
#include "job/spec.h"
#include "takt/v1/job.pb.h"

namespace takt::rpc {

// Reads and validates; the error's field is a path such as "spec.argv".
Result<JobSpec> spec_from_proto(const v1::JobSpec& message);

v1::JobSpec spec_to_proto(const JobSpec& spec);

// Takes out what is the scheduler's business alone: how a job waits.
void clear_waiting(v1::JobSpec& message);

// kInvalid, naming the first of these fields, if one is given: a worker starts jobs at once.
Result<void> refuse_waiting(const v1::JobSpec& message);

}  // namespace takt::rpc
