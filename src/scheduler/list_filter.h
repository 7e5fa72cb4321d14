// SPDX-License-Identifier: Apache-2.0
// The filter of a ListJobs request.
#pragma once

#include "base/result.h"
#include "store/types.h"
#include "takt/v1/job_service.pb.h"

namespace takt::scheduler {

// kInvalid, naming the field. Times are checked before (rpc/check_request.h). Pure.
Result<store::JobFilter> filter_from_proto(const v1::ListJobsRequest& request);

}  // namespace takt::scheduler
