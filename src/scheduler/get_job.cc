// SPDX-License-Identifier: Apache-2.0
// GetJob: from the store, so that only committed state is shown.
#include <utility>

#include "scheduler/verbs.h"

namespace takt::scheduler {

void get_job(Core& core, const Principal& principal, const v1::GetJobRequest& request,
             const rpc::UnaryReply<v1::GetJobResponse>& reply) {
  const Asking who = ask_as(principal, rpc::Action::kGetJob, reply);
  core.reads().job(who, request.job_id(), true, [&core, reply](const Result<store::JobView>& view) {
    if (!view) {
      reply.fail(view.error());
      return;
    }
    with_live_usage(core, {view_to_proto(*view)}, [reply](std::vector<v1::Job> jobs) {
      v1::GetJobResponse response;
      *response.mutable_job() = std::move(jobs.front());
      reply.finish(std::move(response));
    });
  });
}

}  // namespace takt::scheduler
