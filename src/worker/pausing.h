// SPDX-License-Identifier: Apache-2.0
// Freezing and thawing jobs. Guarantees: PAUSED is told once the kernel says that all of the job is
// frozen, and RUNNING once it is not; whoever asked is answered exactly once; the cgroup itself
// remembers, so a restart of the worker changes nothing. Loop thread only.
#pragma once

#include "worker/core.h"

namespace takt::worker {

class Pausing {
 public:
  using Done = std::function<void(const Result<void>&)>;

  explicit Pausing(Core& core);

  // Answers when it is done; kFailedPrecondition if the attempt does not run, or ends meanwhile, or
  // if somebody asks for the contrary meanwhile. What is so already is no error.
  void set_frozen(const LivePtr& live, bool frozen, Done done);

  // An attempt of an earlier worker: it may be frozen.
  void adopt(const LivePtr& live);

 private:
  Result<void> watch(const LivePtr& live);
  void look(const LivePtr& live);
  static void answer(LiveAttempt& live, bool frozen);
  static void give_up(LiveAttempt& live, const std::string& why);

  Core& core_;
};

}  // namespace takt::worker
