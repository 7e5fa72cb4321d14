// SPDX-License-Identifier: Apache-2.0
// CountJobs: from counts that the table keeps, so that it costs the same whatever waits.
#include "scheduler/verbs.h"

namespace takt::scheduler {

void count_jobs(Core& core, const rpc::UnaryReply<v1::CountJobsResponse>& reply) {
  core.run(
      [&core, reply] {
        const JobTable& jobs = core.jobs();
        const auto count = [&jobs](JobState state) {
          return static_cast<std::int64_t>(jobs.in_state(state));
        };
        v1::CountJobsResponse response;
        response.set_queued(count(JobState::kQueued));
        response.set_starting(count(JobState::kStarting));
        response.set_running(count(JobState::kRunning));
        response.set_paused(count(JobState::kPaused));
        response.set_ending(count(JobState::kEnding));
        answer_committed<v1::CountJobsResponse>(core, reply, std::move(response));
      },
      [reply](const Error& error) { reply.fail(error); });
}

}  // namespace takt::scheduler
