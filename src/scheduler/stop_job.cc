// SPDX-License-Identifier: Apache-2.0
// StopJob: the loop takes the request down; the worker gets it when it is on disk.
#include <optional>
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "scheduler/audit.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

using StopReply = rpc::UnaryReply<v1::StopJobResponse>;

Result<StopRequest> parse_request(const Principal& principal, const v1::StopJobRequest& request) {
  if (auto good = check_reason(request.reason()); !good) return good.error();
  StopRequest stop{principal.display_name(), request.reason(), {}, false};
  if (request.has_grace()) {
    const auto grace = rpc::duration_from_proto(request.grace(), "grace", limits::kStopGraceMax);
    if (!grace) return grace.error();
    stop.grace = *grace;
  }
  return stop;
}

void answer(const StopReply& reply, const Uuid& job, JobState state) {
  v1::StopJobResponse response;
  response.set_job_id(job.str());
  response.set_state(rpc::state_to_proto(state));
  reply.finish(std::move(response));
}

// It is not in memory any more.
void answer_ended(Core& core, const Asking& asking, const StopReply& reply, const Uuid& id) {
  core.reads().job(asking, id.str(), false, [reply, id](const Result<store::JobView>& view) {
    if (!view) {
      reply.fail(view.error());
    } else {
      answer(reply, id, view->job.state);
    }
  });
}

// On the loop.
void stop_now(Core& core, const Asking& asking, const Uuid& id, const StopRequest& request,
              const StopReply& reply) {
  LiveJob* live = core.jobs().find(id);
  if (live == nullptr) return answer_ended(core, asking, reply, id);
  const std::vector<Uuid> jobs = with_parts(core, id);
  for (const Uuid& job : jobs) core.jobs().change(*core.jobs().find(job), StopRequested{request});
  // Asked again, the worker is told again: the grace may be another one.
  core.ledger().after_commit(
      [&core, id, request, reply, jobs, job = live->job](const Result<void>& committed) {
        if (!committed) {
          reply.fail(committed.error());
          return;
        }
        audit_stop_requested(job, request);
        for (const Uuid& one : jobs)
          if (const LiveJob* still = core.jobs().find(one)) core.fleet().send_stop(*still, request);
        answer(reply, id, job.state);
      });
}

}  // namespace

void stop_job(Core& core, const Principal& principal, const v1::StopJobRequest& request,
              const StopReply& reply) {
  auto stop = parse_request(principal, request);
  if (!stop) {
    reply.fail(stop.error());
    return;
  }
  const Asking who = ask_as(principal, rpc::Action::kStopJob, reply);
  change_job(
      core, who, request.job_id(), [reply](const Error& error) { reply.fail(error); },
      [&core, who, stop = std::move(*stop), reply](const Uuid& id) {
        stop_now(core, who, id, stop, reply);
      });
}

}  // namespace takt::scheduler
