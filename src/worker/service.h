// SPDX-License-Identifier: Apache-2.0
// takt.v1.WorkerService for one caller: checks, posts to the loop, answers from there. Reactions
// come on gRPC's threads and never block.
#pragma once

#include "rpc/authorize.h"
#include "rpc/shares.h"
#include "rpc/unary.h"
#include "takt/v1/worker_service.grpc.pb.h"
#include "worker/core.h"
#include "worker/listing.h"
#include "worker/output.h"
#include "worker/pausing.h"
#include "worker/session.h"
#include "worker/starting.h"
#include "worker/stopping.h"

namespace takt::worker {

// The parts of the worker that requests reach.
struct Parts {
  Core& core;
  Starting& starting;
  Stopping& stopping;
  Pausing& pausing;
  Sessions& sessions;
  Outputs& outputs;
  Listing& listing;
  const std::shared_ptr<rpc::Shares>& shares;
};

class WorkerServiceImpl final : public v1::WorkerService::CallbackService {
 public:
  WorkerServiceImpl(const Parts& parts, rpc::Caller caller)
      : parts_(parts), guard_(std::move(caller), parts.shares) {}

  grpc::ServerUnaryReactor* StartJob(grpc::CallbackServerContext* context,
                                     const v1::WorkerServiceStartJobRequest* request,
                                     v1::WorkerServiceStartJobResponse* response) override;
  grpc::ServerUnaryReactor* StopJob(grpc::CallbackServerContext* context,
                                    const v1::WorkerServiceStopJobRequest* request,
                                    v1::WorkerServiceStopJobResponse* response) override;
  grpc::ServerUnaryReactor* PauseJob(grpc::CallbackServerContext* context,
                                     const v1::WorkerServicePauseJobRequest* request,
                                     v1::WorkerServicePauseJobResponse* response) override;
  grpc::ServerUnaryReactor* ResumeJob(grpc::CallbackServerContext* context,
                                      const v1::WorkerServiceResumeJobRequest* request,
                                      v1::WorkerServiceResumeJobResponse* response) override;
  grpc::ServerUnaryReactor* QueryJob(grpc::CallbackServerContext* context,
                                     const v1::QueryJobRequest* request,
                                     v1::QueryJobResponse* response) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::WorkerServiceListJobsRequest* request,
                                     v1::WorkerServiceListJobsResponse* response) override;
  grpc::ServerWriteReactor<v1::WorkerServiceReadOutputResponse>* ReadOutput(
      grpc::CallbackServerContext* context,
      const v1::WorkerServiceReadOutputRequest* request) override;
  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Session(
      grpc::CallbackServerContext* context) override;

 private:
  template <class Request, class Response>
  grpc::ServerUnaryReactor* set_frozen(grpc::CallbackServerContext* context, const Request* request,
                                       Response* response, rpc::Action action, bool frozen);

  Parts parts_;
  rpc::Guard guard_;
};

}  // namespace takt::worker
