// SPDX-License-Identifier: Apache-2.0
// ListOrphans, StopOrphan and AdoptOrphan, by an operator. A page token is the last orphan's job.
#include <utility>
#include <vector>

#include "rpc/convert.h"
#include "rpc/page.h"
#include "rpc/page_token.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {

namespace {

// As many as fit an answer. Two workers may have one of the same job: a page never ends between
// them.
v1::ListOrphansResponse orphan_page(const std::vector<Attempt>& orphans, std::size_t size) {
  v1::ListOrphansResponse response;
  rpc::PageRoom room;
  bool more = orphans.size() >= size;
  for (std::size_t at = 0; at < orphans.size(); ++at) {
    v1::Attempt message = rpc::attempt_to_proto(orphans[at]);
    const bool same = at > 0 && orphans[at - 1].id.job_id == orphans[at].id.job_id;
    if (!room.takes(message) && !same) {
      more = true;
      break;
    }
    *response.add_orphans() = std::move(message);
  }
  if (more && response.orphans_size() > 0)
    response.set_next_page_token(response.orphans(response.orphans_size() - 1).job_id());
  return response;
}

}  // namespace

void list_orphans(Core& core, const v1::ListOrphansRequest& request,
                  const rpc::UnaryReply<v1::ListOrphansResponse>& reply) {
  const auto size = rpc::page_size(request.page_size());
  const auto after = request.page_token().empty() ? Result<Uuid>(Uuid())
                                                  : Uuid::parse(request.page_token(), "page_token");
  if (!size || !after) {
    reply.fail(size ? after.error() : size.error());
    return;
  }
  core.run(
      [&core, reply, size = *size, after = *after] {
        reply.finish(orphan_page(core.fleet().orphans_after(after, size), size));
      },
      [reply](const Error& error) { reply.fail(error); });
}

void stop_orphan(Core& core, const Principal& principal, const v1::StopOrphanRequest& request,
                 const rpc::UnaryReply<v1::StopOrphanResponse>& reply) {
  const auto job = Uuid::parse(request.job_id(), "job_id");
  const auto reason = check_reason(request.reason());
  if (!job || !reason) {
    reply.fail(job ? reason.error() : job.error());
    return;
  }
  core.run(
      [&core, reply, job = *job,
       stop = StopRequest{principal.display_name(), request.reason(), {}, false}] {
        const auto stopped = core.fleet().stop_orphan(job, stop);
        if (!stopped) return (void)reply.fail(stopped.error());
        reply.finish(v1::StopOrphanResponse());
      },
      [reply](const Error& error) { reply.fail(error); });
}

void adopt_orphan(Core& core, const Principal& principal, const v1::AdoptOrphanRequest& request,
                  const rpc::UnaryReply<v1::AdoptOrphanResponse>& reply) {
  const auto job = Uuid::parse(request.job_id(), "job_id");
  if (!job) {
    reply.fail(job.error());
    return;
  }
  core.run(
      [&core, reply, job = *job, by = principal.display_name()] {
        core.fleet().adopt_orphan(job, by, [reply](const Result<void>& adopted) {
          if (!adopted) return (void)reply.fail(adopted.error());
          reply.finish(v1::AdoptOrphanResponse());
        });
      },
      [reply](const Error& error) { reply.fail(error); });
}

}  // namespace takt::scheduler
