// SPDX-License-Identifier: Apache-2.0
// How an attempt is asked to stop. Guarantees: the request is on disk before the supervisor hears
// of it; a second one shortens nothing; a supervisor that does not act within the grace and
// limits::kBackstop is overruled. Loop thread only.
#pragma once

#include "worker/core.h"
#include "worker/launch.h"

namespace takt::worker {

class Stopping {
 public:
  Stopping(Core& core, Launch& launch, Ending& ending)
      : core_(core), launch_(launch), ending_(ending) {}

  // Stops an attempt, wherever it stands. One that ends already is left to it.
  Result<void> stop(const LivePtr& live, const attempt::StopRecord& request);

  // Goes on with a stop that an earlier worker began.
  void resume(const LivePtr& live, const attempt::StopRecord& request);

 private:
  void tell_supervisor(const LivePtr& live, const attempt::StopRecord& request);
  void overrule(const LivePtr& live);

  Core& core_;
  Launch& launch_;
  Ending& ending_;
};

}  // namespace takt::worker
