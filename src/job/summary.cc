// SPDX-License-Identifier: Apache-2.0
#include "job/summary.h"

#include <memory>

namespace takt {
namespace {

// What it needs, and how many it is.
JobSpec summary_of(const JobSpec& spec) {
  JobSpec shown;
  shown.name = spec.name;
  shown.user = spec.user;
  shown.resources = spec.resources;
  shown.run_time_limit = spec.run_time_limit;
  shown.priority = spec.priority;
  shown.array = spec.array;
  shown.one_per_worker = spec.one_per_worker;
  return shown;
}

}  // namespace

JobEnd summary_of(const JobEnd& end) {
  JobEnd shown;
  shown.cause = end.cause;
  shown.exit_code = end.exit_code;
  shown.signal = end.signal;
  shown.core_dumped = end.core_dumped;
  shown.failed_step = end.failed_step;
  shown.stopped_by = end.stopped_by;
  shown.killed = end.killed;
  shown.oom = end.oom;
  shown.run_time_limit = end.run_time_limit;
  shown.parts_total = end.parts_total;
  shown.parts_failed = end.parts_failed;
  return shown;
}

Attempt summary_of(const Attempt& attempt) {
  Attempt shown;
  shown.id = attempt.id;
  shown.state = attempt.state;
  shown.worker_id = attempt.worker_id;
  shown.worker_name = attempt.worker_name;
  shown.user = attempt.user;
  shown.start_time = attempt.start_time;
  shown.end_time = attempt.end_time;
  if (attempt.end) shown.end = summary_of(*attempt.end);
  shown.usage = attempt.usage;
  return shown;
}

Job summary_of(const Job& job) {
  Job shown;
  shown.id = job.id;
  shown.revision = job.revision;
  shown.spec = std::make_shared<const JobSpec>(summary_of(*job.spec));
  shown.state = job.state;
  shown.submit_time = job.submit_time;
  shown.submitted_by = job.submitted_by;
  shown.submit_user = job.submit_user;
  shown.retry_of = job.retry_of;
  shown.priority = job.priority;
  shown.hold = job.hold;
  shown.not_before = job.not_before;
  shown.tries = job.tries;
  shown.parts = job.parts;
  shown.part = job.part;
  if (job.stop_requested) shown.stop_requested = StopRequest{.by = job.stop_requested->by};
  for (const Attempt& attempt : job.attempts) shown.attempts.push_back(summary_of(attempt));
  if (job.end) shown.end = summary_of(*job.end);
  shown.end_time = job.end_time;
  return shown;
}

}  // namespace takt
