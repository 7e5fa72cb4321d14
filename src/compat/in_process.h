// SPDX-License-Identifier: Apache-2.0
// Our own services, called from within the process: what an adapter is a client of. Guarantees: no
// socket is opened; the services see one fixed caller, whose rights are checked as everybody's.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/caller.h"
#include "rpc/generation.h"

namespace takt::compat {

// Who an adapter is to our own services: a program of the original design, without a user. To a
// worker it is a scheduler (its jobs run as the default user, and it stops none of others), to the
// scheduler a worker.
rpc::Caller adapter_caller(rpc::Role role);

class InProcess {
 public:
  static Result<std::unique_ptr<InProcess>> create(const rpc::ServiceFactory& services,
                                                   const rpc::Caller& caller);
  // shutdown(), unless that was done.
  ~InProcess();
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;

  [[nodiscard]] std::shared_ptr<grpc::Channel> channel() const;

  // Lets running calls end until `patience` is over, then cancels them; returns when the last
  // handler has finished.
  void shutdown(milliseconds patience);

 private:
  InProcess() = default;

  // Destroyed from the last to the first: the server goes before what it uses.
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  bool shut_down_ = false;
};

}  // namespace takt::compat
