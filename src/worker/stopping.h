// SPDX-License-Identifier: Apache-2.0
// How an attempt is asked to stop. Guarantees: the request is on disk before the supervisor hears
// of it; a second one shortens nothing; a supervisor that does not act on a stop, or on its time
// limit, within the grace and limits::kBackstop is overruled, which is on record before anything is
// killed. Loop thread only.
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

  // Sees to it that the time limit of a running attempt holds, whatever its supervisor does.
  void watch_time_limit(const LivePtr& live);

  // Goes on with a stop that an earlier worker began.
  void resume(const LivePtr& live, const attempt::StopRecord& request);

 private:
  void tell_supervisor(const LivePtr& live, const attempt::StopRecord& request);
  void look_at_time_limit_in(const LivePtr& live, nanoseconds pause);
  void check_time_limit(const LivePtr& live);
  void overrule(const LivePtr& live, attempt::EndCause cause);

  Core& core_;
  Launch& launch_;
  Ending& ending_;
};

}  // namespace takt::worker
