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

}  // namespace takt::rpc
