// SPDX-License-Identifier: Apache-2.0
// From the id in a principal's request to the attempt that it means, and to what the principal gets
// of it. Guarantees: one decision (rpc/authorize.h) for all that acts on an attempt or shows it;
// attempts come out as the principal may see them. The owner of an attempt is in its key, so that
// nothing of another owner is found after the decision.
#pragma once

#include "base/result.h"
#include "job/job.h"
#include "job/principal.h"
#include "rpc/authorize.h"
#include "worker/acceptance.h"
#include "worker/core.h"
#include "worker/owner.h"

namespace takt::worker {

// An attempt, and how much of it a principal gets.
struct Target {
  AttemptKey key;
  rpc::Sight sight = rpc::Sight::kSummary;
};

// kPermissionDenied says who may. A direct attempt is of who started it: account and uid count. One
// that a scheduler sent is the scheduler's; who submitted it may see all of it here, and acts on it
// by the scheduler. Pure.
Result<rpc::Sight> may(const Principal& principal, rpc::Action action, const AttemptId& id,
                       const Acceptance& acceptance, rpc::See see);

// The attempt of this job and number, 0 for the latest one on this worker, of any owner, for a
// principal that gets something of it by that RPC. kNotFound: it is not on this worker.
// kPermissionDenied: as may(). kDataLoss: its records cannot be read. Loop thread
// only, as what follows.
Result<Target> resolve(const Core& core, const Principal& principal, rpc::Action action,
                       const Uuid& job_id, int number);

// The same for an attempt whose acceptance is at hand.
Result<Target> target_of(const Core& core, const Principal& principal, rpc::Action action,
                         const AttemptId& id, const Acceptance& acceptance);

// What is shown of the attempt to a principal with this sight. Pure.
Attempt as_seen(const Attempt& attempt, rpc::Sight sight);

// The attempt as it is now, whole or as a summary. kNotFound: it has left this worker since.
Result<Attempt> find_attempt(const Core& core, const Target& target);

}  // namespace takt::worker
