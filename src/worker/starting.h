// SPDX-License-Identifier: Apache-2.0
// Taking a start. Guarantees: the same attempt is taken once, whoever asks again and whenever; what
// is refused here has left nothing behind. Loop thread only.
#pragma once

#include <functional>
#include <string>

#include "rpc/caller.h"
#include "worker/core.h"
#include "worker/launch.h"
#include "worker/recovery.h"

namespace takt::worker {

struct StartRequest {
  AttemptId id;
  JobSpec spec;
  std::string owner;         // a store's id, or kDirectOwner
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
  // kExists: it may have run here, and what became of it cannot be told (now). kDataLoss: it has
  // run here, and nothing is left of it that tells how it ended.
  // kUnavailable while the worker goes down, kResourceExhausted when too many starts wait,
  // kPermissionDenied / kInvalid, naming the field, for what this worker does not allow.
  Result<void> start(StartRequest request, Settled settled);

  // The verdict of policy and launcher on a spec, without taking it.
  [[nodiscard]] Result<std::string> check(const StartRequest& request) const;

 private:
  [[nodiscard]] Result<Launcher> choose_launcher(const JobSpec& spec) const;
  bool answer_known(const AttemptId& id, const Settled& settled);
  Result<void> reclaim(const StartRequest& request);

  Core& core_;
  Launch& launch_;
  Recovery& recovery_;
};

// Calls back now if the attempt runs or has ended, else when it does.
void when_settled(LiveAttempt& live, Starting::Settled settled);

}  // namespace takt::worker
