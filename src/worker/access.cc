// SPDX-License-Identifier: Apache-2.0
#include "worker/access.h"

#include <utility>
#include <vector>

#include "job/summary.h"
#include "worker/stored.h"

namespace takt::worker {
namespace {

using rpc::Action;
using rpc::Sight;
using rpc::Whose;

// Whether the RPC only shows.
bool shows(Action action) {
  return action == Action::kWorkerQueryJob || action == Action::kWorkerListJobs ||
         action == Action::kWorkerReadOutput;
}

bool is_own(const Principal& principal, Action action, const Acceptance& acceptance) {
  const Owner owner = owner_of(acceptance);
  if (owner.is_direct()) return owner == Owner::direct(principal);
  if (!shows(action)) return false;
  return principal.role == Role::kScheduler || principal.owns(account_of(acceptance.submitted_by));
}

// What the configuration says now.
rpc::See see_of(const Core& core) {
  return core.config.see == config::Seeing::kAll ? rpc::See::kAll : rpc::See::kOwn;
}

// The id that a request means: number 0 is the latest one.
Result<AttemptId> read_id(const Core& core, const Uuid& job_id, int number) {
  if (number > 0) return AttemptId{job_id, number};
  if (const int latest = core.attempts.latest_number(job_id); latest > 0)
    return AttemptId{job_id, latest};
  const std::vector<int> numbers = core.state.attempts_of(job_id);
  if (!numbers.empty()) return AttemptId{job_id, numbers.back()};
  return make_error(ErrorCode::kNotFound, "job " + job_id.str() + " is not on this worker");
}

}  // namespace

Result<Sight> may(const Principal& principal, Action action, const AttemptId& id,
                  const Acceptance& acceptance, rpc::See see) {
  const bool is_reader = principal.is_among(acceptance.spec.readers);
  const Whose whose = is_own(principal, action, acceptance) ? Whose::kOwn
                      : is_reader                           ? Whose::kReaders
                                                            : Whose::kAnother;
  return rpc::may(principal, action, {id.job_id.str(), acceptance.submitted_by, whose}, see);
}

Result<Target> target_of(const Core& core, const Principal& principal, Action action,
                         const AttemptId& id, const Acceptance& acceptance) {
  const auto sight = may(principal, action, id, acceptance, see_of(core));
  if (!sight) return sight.error();
  return Target{{owner_of(acceptance), id}, *sight};
}

Result<Target> resolve(const Core& core, const Principal& principal, Action action,
                       const Uuid& job_id, int number) {
  const auto id = read_id(core, job_id, number);
  if (!id) return id.error();
  if (const LivePtr live = core.attempts.find_any(*id))
    return target_of(core, principal, action, *id, live->acceptance);
  const auto folder = core.state.open_folder(*id);
  if (!folder) return folder.error();
  const auto acceptance = read_acceptance(folder->get());
  if (!acceptance) return acceptance.error();
  return target_of(core, principal, action, *id, *acceptance);
}

Attempt as_seen(const Attempt& attempt, Sight sight) {
  return sight == Sight::kSummary ? summary_of(attempt) : attempt;
}

Result<Attempt> find_attempt(const Core& core, const Target& target) {
  if (const LivePtr live = core.attempts.find(target.key))
    return as_seen(live->record, target.sight);
  const auto stored = stored_attempt(core.state, target.key);
  if (!stored) return stored.error();
  return as_seen(*stored, target.sight);
}

}  // namespace takt::worker
