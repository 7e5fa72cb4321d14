// SPDX-License-Identifier: Apache-2.0
// From the record of an end on disk to what is told of it. Pure.
#pragma once

#include "attempt/records.h"
#include "job/job.h"

namespace takt::worker {

// Fills in end, times, usage and state of `attempt`, whose spec says what a failed step was about.
void set_end(Attempt& attempt, const attempt::ExitRecord& record, const JobSpec& spec);

// The record for an attempt whose supervisor left none, from the supervisor's own notes: the
// leader's status where that was seen, else supervisor lost (or worker lost, after a reboot).
attempt::ExitRecord lost_record(const attempt::SupervisorRecord& supervisor, bool same_boot,
                                WallTime now);

}  // namespace takt::worker
