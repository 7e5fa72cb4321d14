// SPDX-License-Identifier: Apache-2.0
// jobscheduler.Scheduler on our scheduler: workers of the original design join. Guarantees: each
// old worker is one worker of ours, the same one again when it registers at the same address, also
// after a restart; to the scheduler it is known by RegistryService, as any other; their number is
// bounded, and of those that went away without a job the oldest makes room.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/generation.h"
#include "rpc/listener.h"
#include "rpc/server.h"

namespace takt::compat {

class OldFleet;

struct SchedulerDoorOptions {
  std::vector<std::string> listen;  // host:port; empty: there is no door
  bool insecure = false;
  std::int64_t slots = 0;  // jobs at once on each old worker
  std::string folder;      // for its files
};

class SchedulerDoor {
 public:
  // Binds and looks at the folder; nothing is served yet. Null if there is no address.
  static Result<std::unique_ptr<SchedulerDoor>> open(const SchedulerDoorOptions& options);
  // shutdown() with no patience, unless that was done.
  ~SchedulerDoor();
  SchedulerDoor(const SchedulerDoor&) = delete;
  SchedulerDoor& operator=(const SchedulerDoor&) = delete;

  // Takes up the old workers that are known, then serves. Once.
  Result<void> serve(const rpc::ServiceFactory& scheduler_services);

  // Takes no more calls and ends what runs, at most in `patience` and the deadline of the calls to
  // old workers (1 s); jobs run on. Blocks; the scheduler's loop must still run, or have ended for
  // good.
  void shutdown(milliseconds patience);

 private:
  SchedulerDoor();

  std::vector<rpc::ListenSocket> sockets_;  // until serve()
  std::unique_ptr<OldFleet> fleet_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace takt::compat
