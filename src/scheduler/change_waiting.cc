// SPDX-License-Identifier: Apache-2.0
// HoldJob, ReleaseJob and UpdateJob: how a queued job waits. Answered once it is on disk.
#include <utility>

#include "base/limits.h"
#include "scheduler/audit.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

// Of a job that does not wait.
Error not_queued(const Uuid& id, const LiveJob* live) {
  return make_error(ErrorCode::kFailedPrecondition,
                    "job " + id.str() +
                        (live == nullptr ? std::string(" has ended")
                                         : " is " + std::string(state_name(live->job.state))) +
                        "; only a queued job can be changed so");
}

bool waits(const LiveJob& live) { return live.job.state == JobState::kQueued; }

// The job, if it waits or parts of it do, and those parts; else nothing.
std::vector<LiveJob*> waiting_of(Core& core, const Uuid& id) {
  std::vector<LiveJob*> jobs;
  bool any = false;
  for (const Uuid& one : with_parts(core, id)) {
    LiveJob* live = core.jobs().find(one);
    if (live == nullptr || has_ended(live->job.state)) continue;
    const bool whole = live->job.parts > 0;
    if (whole || waits(*live)) jobs.push_back(live);
    any = any || (!whole && waits(*live));
  }
  if (!any) jobs.clear();
  return jobs;
}

// Runs `change` on the loop with the job, if it is queued, and with the parts of it that are; then
// answers when that is on disk. Parts with which it can't be done stay as they are. `what` is told
// of the job that was named, if that changed.
template <class Response>
void change_queued(Core& core, const Asking& asking, const std::string& key,
                   const rpc::UnaryReply<Response>& reply, const std::string& what,
                   std::function<Result<bool>(LiveJob&)> change) {
  change_job(
      core, asking, key, [reply](const Error& error) { reply.fail(error); },
      [&core, reply, what, by = asking.principal.display_name(),
       change = std::move(change)](const Uuid& id) {
        const std::vector<LiveJob*> jobs = waiting_of(core, id);
        if (jobs.empty())
          return answer_committed<Response>(core, reply, not_queued(id, core.jobs().find(id)));
        const auto changed = change(*jobs.front());
        if (!changed) return (void)reply.fail(changed.error());
        if (*changed) audit_waiting_changed(jobs.front()->job, by, what);
        for (std::size_t at = 1; at < jobs.size(); ++at) (void)change(*jobs[at]);
        answer_committed<Response>(core, reply);
      });
}

}  // namespace

Result<void> may_give(const QueuePolicy& policy, bool is_operator, int priority,
                      const std::string& field) {
  if (is_operator || priority <= policy.priority_max) return {};
  return Error{ErrorCode::kPermissionDenied,
               field + ": " + std::to_string(priority) + " is for operators; yours goes up to " +
                   std::to_string(policy.priority_max) +
                   " (priority_max in [queue] of scheduler.conf)",
               field, 0};
}

void hold_job(Core& core, const Principal& principal, const v1::HoldJobRequest& request,
              const rpc::UnaryReply<v1::HoldJobResponse>& reply) {
  const Hold hold{principal.display_name(), principal.is_operator()};
  change_queued(core, ask_as(principal, rpc::Action::kHoldJob, reply), request.job_id(), reply,
                "is held", [&core, hold](LiveJob& live) -> Result<bool> {
                  return core.jobs().change(live, Held{hold});
                });
}

void release_job(Core& core, const Principal& principal, const v1::ReleaseJobRequest& request,
                 const rpc::UnaryReply<v1::ReleaseJobResponse>& reply) {
  change_queued(core, ask_as(principal, rpc::Action::kReleaseJob, reply), request.job_id(), reply,
                "is released",
                [&core, may = principal.is_operator()](LiveJob& live) -> Result<bool> {
                  const auto& hold = live.job.hold;
                  if (hold && hold->by_operator && !may)
                    return make_error(ErrorCode::kPermissionDenied,
                                      "job " + live.job.id.str() + " is held by " + hold->by +
                                          ", an operator; only operators may release it");
                  return core.jobs().change(live, Released{});
                });
}

void update_job(Core& core, const Principal& principal, const v1::UpdateJobRequest& request,
                const rpc::UnaryReply<v1::UpdateJobResponse>& reply) {
  if (!request.has_priority()) {
    reply.fail(invalid("priority", "is not given; say what is to change"));
    return;
  }
  const int priority = request.priority();
  if (auto good = validate_priority(priority, "priority"); !good) {
    reply.fail(good.error());
    return;
  }
  change_queued(core, ask_as(principal, rpc::Action::kUpdateJob, reply), request.job_id(), reply,
                "has priority " + std::to_string(priority),
                [&core, may = principal.is_operator(), priority](LiveJob& live) -> Result<bool> {
                  // Lower is never for operators only, so that a user may undo what one did.
                  if (priority > live.job.priority)
                    if (auto given = may_give(core.policy(), may, priority, "priority"); !given)
                      return given.error();
                  return core.jobs().change(live, Prioritized{priority});
                });
}

}  // namespace takt::scheduler
