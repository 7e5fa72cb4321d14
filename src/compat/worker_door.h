// SPDX-License-Identifier: Apache-2.0
// jobscheduler.Worker on our worker: the original design's conductor drives it. Guarantees: each
// StartJob is a new job, run as the worker's default user from the script folder only; a start
// whose caller gave up before it had the id is stopped again, for nobody could; all that is done is
// done by WorkerService, with its rules.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "compat/in_process.h"
#include "compat/script_folder.h"
#include "rpc/generation.h"
#include "rpc/listener.h"
#include "rpc/server.h"

namespace takt::compat {

class WorkerClient;

struct WorkerDoorOptions {
  std::vector<std::string> listen;  // host:port; empty: there is no door
  bool insecure = false;
  std::string scripts;  // absolute path
};

class WorkerDoor {
 public:
  // Binds and opens the script folder; nothing is served yet. Null if there is no address.
  static Result<std::unique_ptr<WorkerDoor>> open(const WorkerDoorOptions& options);
  // shutdown() with no patience, unless that was done.
  ~WorkerDoor();
  WorkerDoor(const WorkerDoor&) = delete;
  WorkerDoor& operator=(const WorkerDoor&) = delete;

  // Serves, as a client of the worker's own services. Once.
  Result<void> serve(const rpc::ServiceFactory& worker_services);

  // Takes no more calls, lets those that run end, at most for `patience`. Blocks; the worker's loop
  // must still run, or have ended for good.
  void shutdown(milliseconds patience);

 private:
  explicit WorkerDoor(ScriptFolder scripts);

  const ScriptFolder scripts_;
  std::vector<rpc::ListenSocket> sockets_;  // until serve()
  std::unique_ptr<InProcess> worker_;
  std::unique_ptr<WorkerClient> client_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace takt::compat
