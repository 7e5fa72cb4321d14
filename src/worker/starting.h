// SPDX-License-Identifier: Apache-2.0
// Taking a start. Guarantees: the same attempt is taken once, however often its owner asks and
// whenever; a start for an id that another owner has here changes nothing of that; what is refused
// here has left nothing behind. Loop thread only.
#pragma once

#include <functional>
#include <string>

#include "rpc/caller.h"
#include "worker/core.h"
#include "worker/launch.h"
#include "worker/recovery.h"

namespace takt::worker {

struct StartRequest {
  AttemptKey key;
  JobSpec spec;
  std::string submitted_by;  // for people
  rpc::Caller caller;        // who asks: a user, or the scheduler
  bool has_run = false;      // here, as its owner was told
};

class Starting {
 public:
  // Called once: the attempt when it runs or has ended.
  using Settled = std::function<void(const Attempt&)>;

  Starting(Core& core, Launch& launch, Recovery& recovery)
      : core_(core), launch_(launch), recovery_(recovery) {}

  // Takes the start. Known already: `settled` gets the first one's state, nothing runs twice.
  // kExists: it may have run here, and what became of it cannot be told (now); or a direct start
  // had this request_id before, with another spec. kFailedPrecondition: another owner's attempt has
  // this id here. kDataLoss: it has run here, and nothing is left of it that tells how it ended.
  // kUnavailable while the worker goes down, or takes no jobs of schedulers, or one at a time,
  // because its host has failed several; kResourceExhausted when too many starts wait, or for a
  // direct start when all slots are taken; kFailedPrecondition for a direct start while the worker
  // is drained; kPermissionDenied / kInvalid, naming the field, for what this worker does not
  // allow.
  Result<void> start(StartRequest request, Settled settled);

  // The verdict of policy and launcher on a spec, without taking it.
  [[nodiscard]] Result<std::string> check(const StartRequest& request) const;

 private:
  [[nodiscard]] Result<Launcher> choose_launcher(const JobSpec& spec) const;
  [[nodiscard]] Result<void> check_room(const StartRequest& request) const;
  bool answer_known(const AttemptKey& key, const Settled& settled);
  [[nodiscard]] Result<void> check_id(const StartRequest& request) const;
  [[nodiscard]] Result<JobSpec> stored_spec(const AttemptKey& key) const;
  Result<void> reclaim(const StartRequest& request);

  Core& core_;
  Launch& launch_;
  Recovery& recovery_;
};

// Calls back now if the attempt runs or has ended, else when it does.
void when_settled(LiveAttempt& live, Starting::Settled settled);

}  // namespace takt::worker
