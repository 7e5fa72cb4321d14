// SPDX-License-Identifier: Apache-2.0
// StopJob: the store says which job it is and whose; the loop takes the request down; the worker is
// told when it is on disk.
#include <optional>
#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "scheduler/audit.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

using StopReply = rpc::UnaryReply<v1::StopJobResponse>;

Result<StopRequest> parse_request(const rpc::Caller& caller, const v1::StopJobRequest& request) {
  if (auto good = check_reason(request.reason()); !good) return good.error();
  StopRequest stop{who(caller), request.reason(), {}, false};
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

// The job ended between the look into the store and now.
void answer_ended(Core& core, const StopReply& reply, const Uuid& id) {
  core.reader().get_job(id.str(), false, [reply, id](const Result<store::JobView>& view) {
    if (!view) {
      reply.fail(view.error());
    } else {
      answer(reply, id, view->job.state);
    }
  });
}

// On the loop.
void stop_now(Core& core, const Uuid& id, const StopRequest& request, const StopReply& reply) {
  LiveJob* live = core.jobs().find(id);
  if (live == nullptr) return answer_ended(core, reply, id);
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

void stop_job(Core& core, const rpc::Caller& caller, const v1::StopJobRequest& request,
              const StopReply& reply) {
  auto stop = parse_request(caller, request);
  if (!stop) {
    reply.fail(stop.error());
    return;
  }
  core.reader().get_job(
      request.job_id(), false,
      [&core, caller, stop = std::move(*stop), reply](const Result<store::JobView>& view) {
        if (!view) {
          reply.fail(view.error());
          return;
        }
        if (auto allowed = may_act_on(caller, view->job); !allowed) {
          reply.fail(allowed.error());
          return;
        }
        const Uuid id = view->job.id;
        if (has_ended(view->job.state)) return answer(reply, id, view->job.state);
        core.run([&core, id, stop, reply] { stop_now(core, id, stop, reply); },
                 [reply](const Error& error) { reply.fail(error); });
      });
}

}  // namespace takt::scheduler
