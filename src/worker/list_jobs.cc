// SPDX-License-Identifier: Apache-2.0
// WorkerService.ListJobs: what lies in the state folder, by job id. The folder is listed off the
// loop; the live attempts are told by the loop.
#include <algorithm>
#include <utility>

#include "rpc/convert.h"
#include "rpc/page.h"
#include "rpc/page_token.h"
#include "worker/access.h"
#include "worker/service.h"

namespace takt::worker {
namespace {

using Reply = rpc::UnaryReply<v1::WorkerServiceListJobsResponse>;

// Nothing if its record cannot be read.
std::optional<v1::Attempt> attempt_at(const Core& core, const Principal& principal,
                                      const AttemptId& id) {
  const auto target = resolve(core, principal, rpc::Action::kWorkerListJobs, id.job_id, id.number);
  if (!target) return std::nullopt;  // it was set aside, or history has just removed it
  const auto found = find_attempt(core, *target);
  return found ? std::optional(rpc::attempt_to_proto(*found)) : std::nullopt;
}

// The attempts that come after one: the later ones of its job, and those of `jobs`, which are the
// next; as many as fit an answer. `more` jobs follow.
v1::WorkerServiceListJobsResponse page_of(const Core& core, const Principal& principal,
                                          std::vector<Uuid> jobs,
                                          const std::optional<AttemptId>& after, bool more) {
  if (after) jobs.insert(jobs.begin(), after->job_id);
  v1::WorkerServiceListJobsResponse answer;
  rpc::PageRoom room;
  AttemptId last = after.value_or(AttemptId());
  for (const Uuid& job_id : jobs) {
    for (const int number : core.state.attempts_of(job_id)) {
      const AttemptId id{job_id, number};
      if (after && id <= *after) continue;
      auto message = attempt_at(core, principal, id);
      if (message && !room.takes(*message)) {
        answer.set_next_page_token(rpc::attempt_token(last));
        return answer;
      }
      if (message) *answer.add_attempts() = std::move(*message);
      last = id;
    }
    last = std::max(last, AttemptId{job_id, 0});
  }
  if (more) answer.set_next_page_token(rpc::attempt_token(last));
  return answer;
}

}  // namespace

grpc::ServerUnaryReactor* WorkerServiceImpl::ListJobs(
    grpc::CallbackServerContext* context, const v1::WorkerServiceListJobsRequest* request,
    v1::WorkerServiceListJobsResponse* response) {
  auto caller = guard_.admit(*context, rpc::Action::kWorkerListJobs, *request);
  if (!caller) return rpc::refuse(context, caller.error());
  const auto size = rpc::page_size(request->page_size());
  if (!size) return rpc::refuse(context, size.error());
  const auto token = rpc::read_attempt_token(request->page_token());
  if (!token) return rpc::refuse(context, token.error());
  auto share = guard_.take_call(*context, *caller, rpc::Action::kWorkerListJobs, *request);
  if (!share) return rpc::refuse(context, share.error());
  Reply reply(response, {}, std::move(*share));
  std::ignore = parts_.core.loop.post([parts = parts_, by = *caller, reply, after = *token,
                                       page_size = *size] {
    if (reply.over()) return;
    parts.core.disk.run(
        [&state = parts.core.state, reply, after, page_size]() -> Result<std::vector<Uuid>> {
          if (reply.over()) return std::vector<Uuid>();
          return state.jobs(after ? std::optional(after->job_id) : std::nullopt, page_size);
        },
        [&core = parts.core, by, reply, after, page_size](const Result<std::vector<Uuid>>& jobs) {
          if (reply.over()) return;
          if (!jobs) return (void)reply.fail(jobs.error());
          reply.finish(page_of(core, by, *jobs, after, jobs->size() == page_size));
        });
  });
  return reply.reactor();
}

}  // namespace takt::worker
