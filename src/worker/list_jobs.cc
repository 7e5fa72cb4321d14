// SPDX-License-Identifier: Apache-2.0
// WorkerService.ListJobs: what is in the state folder, by job id.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "rpc/page_token.h"
#include "worker/listing.h"
#include "worker/service.h"

namespace takt::worker {
namespace {

using Reply = rpc::UnaryReply<v1::WorkerServiceListJobsResponse>;

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
  // Each attempt is a few files to read: a page is no larger than the default.
  ListRequest asked{.principal = *caller,
                    .after = *token,
                    .page_size = std::min(*size, limits::kPageSizeDefault),
                    .is_over = [reply] { return reply.over(); },
                    .answer = [reply](auto answer) { reply.finish(std::move(answer)); }};
  std::ignore = parts_.core.loop.post([parts = parts_, asked = std::move(asked)]() mutable {
    parts.listing.list(std::move(asked));
  });
  return reply.reactor();
}

}  // namespace takt::worker
