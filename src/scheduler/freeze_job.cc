// SPDX-License-Identifier: Apache-2.0
// PauseJob and ResumeJob: the worker does it; what it then reports is the answer, once that is
// committed.
#include <utility>

#include "scheduler/audit.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// On the loop.
template <class Response>
void freeze_now(Core& core, const Uuid& id, bool frozen, const std::string& by,
                const rpc::UnaryReply<Response>& reply) {
  const LiveJob* live = core.jobs().find(id);
  const JobState state = live == nullptr ? JobState::kSucceeded : live->job.state;
  if (live == nullptr || (state != JobState::kRunning && state != JobState::kPaused))
    return answer_committed<Response>(core, reply,
                                      live == nullptr ? make_error(ErrorCode::kFailedPrecondition,
                                                                   "job " + id.str() + " has ended")
                                                      : cannot_freeze(id, state));
  if (auto good = is_no_whole(live->job, frozen ? "pause" : "resume"); !good)
    return (void)reply.fail(good.error());
  if (is_as_wanted(state, frozen)) return answer_committed<Response>(core, reply);
  if (!core.fleet().send_freeze(*live, frozen))
    return (void)reply.fail(
        make_error(ErrorCode::kUnavailable,
                   "the worker of job " + id.str() + " is out of reach; the job goes on as it is"));
  audit_freeze_requested(live->job, by, frozen);
  core.freezes().wait(id, frozen, [&core, reply](const Result<void>& done) {
    if (!done) return (void)reply.fail(done.error());
    answer_committed<Response>(core, reply);
  });
}

template <class Response>
void freeze_job(Core& core, const Principal& principal, rpc::Action action, const std::string& job,
                bool frozen, const rpc::UnaryReply<Response>& reply) {
  with_job(
      core, ask_as(principal, action, reply), job,
      [reply](const Error& error) { reply.fail(error); },
      [&core, frozen, by = principal.display_name(), reply](const Uuid& id) {
        freeze_now(core, id, frozen, by, reply);
      });
}

}  // namespace

void pause_job(Core& core, const Principal& principal, const v1::PauseJobRequest& request,
               const rpc::UnaryReply<v1::PauseJobResponse>& reply) {
  freeze_job(core, principal, rpc::Action::kPauseJob, request.job_id(), true, reply);
}

void resume_job(Core& core, const Principal& principal, const v1::ResumeJobRequest& request,
                const rpc::UnaryReply<v1::ResumeJobResponse>& reply) {
  freeze_job(core, principal, rpc::Action::kResumeJob, request.job_id(), false, reply);
}

}  // namespace takt::scheduler
