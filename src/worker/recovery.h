// SPDX-License-Identifier: Apache-2.0
// What a starting worker finds of the one before. For each link in active/:
//
//   exit record               report it
//   no supervisor's record    never ran, in this boot: forget it, to be sent again; but where there
//                             is output, the record was lost with the disk's last writes
//   … or a record without go  the same, once its supervisor is gone
//   live supervisor           adopt: same pid, start time and cgroup
//   none of these             the leader's status if it was seen, else SUPERVISOR_LOST
//   … in another boot         the leader's status if it was seen, else WORKER_LOST; one without a
//                             supervisor's record may have run, too: power loss may have taken it
//
// A record that is torn, of an unknown version or not to be read is told in the journal:
//
//   exit                      kept as exit.damaged; the end is told as if there were none, with a
//                             note
//   supervisor                in this boot its cgroup, which has the attempt's name, says who it
//                             is; else as if there were none, but for "never ran"
//   stop                      a stop was asked for: it is done, without its reason
//   spec                      the attempt goes to damaged/, for nobody knows whose it is. It is
//                             looked at again at each start, and when its owner sends its start
//
// Work depends on the links only, never on the history.
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

  // Before anything else is started. Ends that are found are told once they are durable. An error
  // is a want of descriptors or of memory: the worker had better try again from the start.
  Result<void> run();

  // One attempt that has a link.
  Result<void> recover(const AttemptId& id);

 private:
  void take_back_readable();
  void discard(const AttemptId& id);
  Result<void> set_aside(const AttemptId& id, const Error& error);
  Result<attempt::SupervisorRecord> find_supervisor(const LivePtr& live);
  [[nodiscard]] attempt::SupervisorRecord supervisor_by_cgroup(const LiveAttempt& live) const;
  void settle(const LivePtr& live, const attempt::SupervisorRecord& supervisor);
  void take_cgroup(const LivePtr& live, const attempt::SupervisorRecord& supervisor);
  bool adopt(const LivePtr& live, const attempt::SupervisorRecord& supervisor);
  void watch_leader(const LivePtr& live);
  void resume_stop(const LivePtr& live);

  Core& core_;
  Ending& ending_;
  Stopping& stopping_;
  Pausing& pausing_;
};

}  // namespace takt::worker
