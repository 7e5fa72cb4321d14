// SPDX-License-Identifier: Apache-2.0
// What running jobs use now: told by their workers every few seconds, kept in memory only, and
// filled into what the store says of a job.
#include <algorithm>
#include <utility>

#include "rpc/convert_usage.h"
#include "scheduler/fleet.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

void fill(Core& core, v1::Job& job) {
  if (job.has_end() || job.attempts_size() == 0) return;
  v1::Attempt* attempt = job.mutable_attempts(job.attempts_size() - 1);
  const auto id = Uuid::parse(job.job_id());
  const LiveJob* live = id ? core.jobs().find(*id) : nullptr;
  const Attempt* current = live == nullptr ? nullptr : live->job.current_attempt();
  if (current == nullptr || current->id.number != attempt->number()) return;
  *attempt->mutable_usage() = rpc::usage_to_proto(current->usage);
  attempt->clear_remaining();
  if (job.is_summary()) return;
  for (const RemainingProcess& process : current->remaining)
    *attempt->add_remaining() = rpc::process_to_proto(process);
}

}  // namespace

void Fleet::on_usages(WorkerEntry& entry, const v1::AttemptUsages& usages) {
  for (const v1::AttemptUsage& usage : usages.usages()) {
    const auto id = Uuid::parse(usage.job_id());
    LiveJob* live = id ? parts_.jobs.find(*id) : nullptr;
    Attempt* current = live == nullptr ? nullptr : live->job.current_attempt();
    const bool ours = current != nullptr && current->id.number == usage.attempt() &&
                      current->worker_id == entry.record.id && !has_ended(current->state);
    if (!ours) continue;
    current->usage = rpc::usage_from_proto(usage.usage());
    current->remaining = rpc::remaining_from_proto(usage.remaining());
  }
}

void with_live_usage(Core& core, std::vector<v1::Job> jobs,
                     std::function<void(std::vector<v1::Job>)> done) {
  const bool any_runs = std::any_of(jobs.begin(), jobs.end(), [](const v1::Job& job) {
    return job.state() == v1::JOB_STATE_RUNNING || job.state() == v1::JOB_STATE_PAUSED ||
           job.state() == v1::JOB_STATE_ENDING;
  });
  if (!any_runs) return done(std::move(jobs));
  auto shared = std::make_shared<std::vector<v1::Job>>(std::move(jobs));
  core.run(
      [&core, shared, done] {
        for (v1::Job& job : *shared) fill(core, job);
        done(std::move(*shared));
      },
      // While the store is loaded anew it is known to nobody.
      [shared, done](const Error&) { done(std::move(*shared)); });
}

}  // namespace takt::scheduler
