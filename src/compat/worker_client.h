// SPDX-License-Identifier: Apache-2.0
// The three verbs of jobscheduler.Worker as calls of our own WorkerService. Any thread; results
// come on gRPC's threads.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "compat/calls.h"
#include "job/state.h"
#include "takt/v1/worker_service.grpc.pb.h"

namespace takt::compat {

class WorkerClient {
 public:
  explicit WorkerClient(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::WorkerService::NewStub(channel)) {}

  // Runs `command path` in `folder`; gives the job's id once it runs.
  void start(const std::string& command, const std::string& path, const std::string& folder,
             const std::function<void(Result<std::string>)>& done);

  // Kills the whole tree at once. kNotFound, "job not found", for an id that is not here.
  void stop(const std::string& job, const std::function<void(Result<void>)>& done);

  // How the job ended; no value while it has not. kNotFound as above.
  void query(const std::string& job,
             const std::function<void(Result<std::optional<JobEnd>>)>& done);

 private:
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  Calls calls_{limits::kOldCallsMax};  // goes first: it waits for what uses the stub
};

}  // namespace takt::compat
