// SPDX-License-Identifier: Apache-2.0
// ListOrphans, StopOrphan and AdoptOrphan, by an operator. A page token is the last orphan's job.
#include <utility>

#include "rpc/convert.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {

void list_orphans(Core& core, const v1::ListOrphansRequest& request,
                  const rpc::UnaryReply<v1::ListOrphansResponse>& reply) {
  const auto size = page_size(request.page_size());
  const auto after = request.page_token().empty() ? Result<Uuid>(Uuid())
                                                  : Uuid::parse(request.page_token(), "page_token");
  if (!size || !after) {
    reply.fail(size ? after.error() : size.error());
    return;
  }
  core.run(
      [&core, reply, size = *size, after = *after] {
        v1::ListOrphansResponse response;
        for (const Attempt& orphan : core.fleet().orphans_after(after, size))
          *response.add_orphans() = rpc::attempt_to_proto(orphan);
        if (response.orphans_size() >= static_cast<int>(size))
          response.set_next_page_token(response.orphans(response.orphans_size() - 1).job_id());
        reply.finish(std::move(response));
      },
      [reply](const Error& error) { reply.fail(error); });
}

void stop_orphan(Core& core, const rpc::Caller& caller, const v1::StopOrphanRequest& request,
                 const rpc::UnaryReply<v1::StopOrphanResponse>& reply) {
  const auto job = Uuid::parse(request.job_id(), "job_id");
  const auto reason = check_reason(request.reason());
  if (!job || !reason) {
    reply.fail(job ? reason.error() : job.error());
    return;
  }
  core.run(
      [&core, reply, job = *job, stop = StopRequest{who(caller), request.reason(), {}, false}] {
        const auto stopped = core.fleet().stop_orphan(job, stop);
        if (!stopped) return (void)reply.fail(stopped.error());
        reply.finish(v1::StopOrphanResponse());
      },
      [reply](const Error& error) { reply.fail(error); });
}

void adopt_orphan(Core& core, const rpc::Caller& caller, const v1::AdoptOrphanRequest& request,
                  const rpc::UnaryReply<v1::AdoptOrphanResponse>& reply) {
  const auto job = Uuid::parse(request.job_id(), "job_id");
  if (!job) {
    reply.fail(job.error());
    return;
  }
  core.run(
      [&core, reply, job = *job, by = who(caller)] {
        core.fleet().adopt_orphan(job, by, [reply](const Result<void>& adopted) {
          if (!adopted) return (void)reply.fail(adopted.error());
          reply.finish(v1::AdoptOrphanResponse());
        });
      },
      [reply](const Error& error) { reply.fail(error); });
}

}  // namespace takt::scheduler
