// SPDX-License-Identifier: Apache-2.0
// What a job may use, between the API and the domain. Part of convert_spec.
#pragma once

#include "base/result.h"
#include "job/spec.h"
#include "takt/v1/job.pb.h"

namespace takt::rpc {

// Limits, weights, time limit, niceness, mask. kInvalid for an unknown value of an enum and for a
// number that the domain cannot hold; validate_spec judges the rest.
Result<void> resources_from_proto(const v1::JobSpec& message, JobSpec& spec);

void resources_to_proto(const JobSpec& spec, v1::JobSpec& message);

}  // namespace takt::rpc
