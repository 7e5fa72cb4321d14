// SPDX-License-Identifier: Apache-2.0
// WorkerService.ListJobs: what lies in the state folder, by job id. The folder is listed off the
// loop; the live attempts are told by the loop.
#include "base/limits.h"
#include "rpc/convert.h"
#include "worker/lookup.h"
#include "worker/service.h"
#include "worker/stored.h"

namespace takt::worker {
namespace {

using Reply = rpc::UnaryReply<v1::WorkerServiceListJobsResponse>;

void answer_page(const Core& core, const Reply& reply, const Result<std::vector<Uuid>>& jobs,
                 std::size_t page_size) {
  if (!jobs) return (void)reply.fail(jobs.error());
  v1::WorkerServiceListJobsResponse answer;
  for (const Uuid& job_id : *jobs) {
    for (const int number : core.state.attempts_of(job_id)) {
      const auto key = resolve(core, job_id, number);
      if (!key) continue;  // it was set aside, or history has just removed it
      if (const LivePtr live = core.attempts.find(*key)) {
        *answer.add_attempts() = rpc::attempt_to_proto(live->record);
      } else if (auto stored = stored_attempt(core.state, *key)) {
        *answer.add_attempts() = rpc::attempt_to_proto(*stored);
      }
    }
  }
  if (jobs->size() == page_size) answer.set_next_page_token(jobs->back().str());
  reply.finish(std::move(answer));
}

}  // namespace

grpc::ServerUnaryReactor* WorkerServiceImpl::ListJobs(
    grpc::CallbackServerContext* context, const v1::WorkerServiceListJobsRequest* request,
    v1::WorkerServiceListJobsResponse* response) {
  auto caller = guard_.admit(*context, rpc::Action::kWorkerListJobs, *request);
  if (!caller) return rpc::refuse(context, caller.error());
  if (request->page_size() < 0)
    return rpc::refuse(context, invalid("page_size", "is below 0; 0 to 1000 are accepted"));
  std::optional<Uuid> after;
  if (!request->page_token().empty()) {
    auto token = Uuid::parse(request->page_token(), "page_token");
    if (!token) return rpc::refuse(context, token.error());
    after = *token;
  }
  const std::size_t asked = request->page_size() == 0
                                ? limits::kPageSizeDefault
                                : static_cast<std::size_t>(request->page_size());
  const std::size_t page_size = std::min(asked, limits::kPageSizeMax);
  Reply reply(response);
  std::ignore = parts_.core.loop.post([parts = parts_, reply, after, page_size] {
    parts.core.disk.run(
        [&state = parts.core.state, after, page_size] { return state.jobs(after, page_size); },
        [&core = parts.core, reply, page_size](const Result<std::vector<Uuid>>& jobs) {
          answer_page(core, reply, jobs, page_size);
        });
  });
  return reply.reactor();
}

}  // namespace takt::worker
