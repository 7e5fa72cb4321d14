// SPDX-License-Identifier: Apache-2.0
// What a starting worker finds of the one before. For each link in active/:
//
//   exit record               report it
//   no supervisor's record    never ran, in this boot: forget it, to be sent again
//   … or a record without go  the same, once its supervisor is gone
//   live supervisor           adopt: same pid, start time and cgroup
//   none of these             the leader's status if it was seen, else SUPERVISOR_LOST
//   … in another boot         the leader's status if it was seen, else WORKER_LOST; one without a
//                             supervisor's record may have run, too: power loss may have taken it
//
// A record that is torn or of an unknown version is logged and set aside: its link goes, its folder
// stays. Work depends on the links only, never on the history.
#pragma once

#include "worker/core.h"
#include "worker/ending.h"
#include "worker/launch.h"
#include "worker/pausing.h"
#include "worker/stopping.h"

namespace takt::worker {

class Recovery {
 public:
  Recovery(Core& core, Ending& ending, Stopping& stopping, Pausing& pausing)
      : core_(core), ending_(ending), stopping_(stopping), pausing_(pausing) {}

  // Before anything else is started. Ends that are found are told once they are durable.
  Result<void> run();

 private:
  void recover(const AttemptId& id);
  void discard(const AttemptId& id);
  void set_aside(const AttemptId& id, const Error& error);
  void settle(const LivePtr& live, const attempt::SupervisorRecord& supervisor);
  void take_cgroup(const LivePtr& live, const attempt::SupervisorRecord& supervisor);
  bool adopt(const LivePtr& live, const attempt::SupervisorRecord& supervisor);
  void watch_leader(const LivePtr& live);
  void end_as(const LivePtr& live, attempt::ExitRecord record);

  Core& core_;
  Ending& ending_;
  Stopping& stopping_;
  Pausing& pausing_;
};

}  // namespace takt::worker
