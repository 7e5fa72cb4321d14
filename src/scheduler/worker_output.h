// SPDX-License-Identifier: Apache-2.0
// A worker's ReadOutput stream, read one message at a time. Guarantees: read() is answered by
// exactly one of on_message and on_end; freed when gRPC is done and the last handle is gone;
// cancel() ends it whether or not a read is under way. Thread-safe; callbacks come on gRPC threads.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <functional>
#include <memory>
#include <mutex>

#include "takt/v1/worker_service.grpc.pb.h"

namespace takt::scheduler {

class WorkerOutput final : public grpc::ClientReadReactor<v1::WorkerServiceReadOutputResponse> {
 public:
  using Message = v1::WorkerServiceReadOutputResponse;
  struct Events {
    std::function<void(const Message&)> on_message;
    std::function<void(const grpc::Status&)> on_end;  // once; nothing after it
  };

  static std::shared_ptr<WorkerOutput> start(const std::shared_ptr<grpc::Channel>& channel,
                                             v1::WorkerServiceReadOutputRequest request,
                                             Events events);

  // Asks for the next message. Not again before the answer.
  void read();
  void cancel();

 private:
  WorkerOutput(const std::shared_ptr<grpc::Channel>& channel,
               v1::WorkerServiceReadOutputRequest request, Events events);
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;
  void let_go();

  std::unique_ptr<v1::WorkerService::Stub> stub_;
  grpc::ClientContext context_;
  const v1::WorkerServiceReadOutputRequest request_;
  Events events_;  // only OnDone changes it, after all other reactions
  Message message_;

  std::mutex mutex_;  // guards what follows
  bool reading_ = false;
  bool held_ = true;
  std::shared_ptr<WorkerOutput> self_;  // until OnDone
};

}  // namespace takt::scheduler
