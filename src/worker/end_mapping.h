// SPDX-License-Identifier: Apache-2.0
// From the record of an end on disk to what is told of it. Pure.
#pragma once

#include "attempt/records.h"
#include "job/job.h"

namespace takt::worker {

// Fills in end, times, usage and state of `attempt`, whose spec says what a failed step was about.
void set_end(Attempt& attempt, const attempt::ExitRecord& record, const JobSpec& spec);

// What is known of an attempt whose supervisor left no record of its end.
struct LostAttempt {
  attempt::SupervisorRecord supervisor;
  std::optional<attempt::StopRecord> stop;
  bool same_boot = true;
};

// The record for it, from the supervisor's own notes: why it had begun to end the job, or the
// leader's status, where those were written down; else supervisor lost (or worker lost, after a
// reboot).
attempt::ExitRecord lost_record(const LostAttempt& lost, const JobSpec& spec, WallTime now);

}  // namespace takt::worker
