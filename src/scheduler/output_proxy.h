// SPDX-License-Identifier: Apache-2.0
// One ReadOutput stream: from the worker that has the output to the client that wants it.
// Guarantees: one message is in flight, nothing is stored and the loop is not in the way; while the
// job has not ended, a worker out of reach is waited for and read on at the same offsets, for as
// long as the client stays. Works on gRPC's threads, the reader's and (to find the worker) the
// loop's, one after the other.
#pragma once

#include <grpcpp/alarm.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/shares.h"
#include "rpc/stream_writer.h"
#include "scheduler/core.h"
#include "scheduler/worker_output.h"
#include "store/types.h"
#include "takt/v1/job_service.grpc.pb.h"

namespace takt::scheduler {

class OutputProxy : public std::enable_shared_from_this<OutputProxy> {
 public:
  // What the handler returns to gRPC. `request` was checked; `share` is held until the stream is
  // over.
  static grpc::ServerWriteReactor<v1::ReadOutputResponse>* start(Core& core,
                                                                 const Principal& principal,
                                                                 v1::ReadOutputRequest request,
                                                                 rpc::StreamShare share);

  void fail(const Error& error) { writer_->fail(error); }

 private:
  using Writer = rpc::PullWriter<v1::ReadOutputResponse>;

  OutputProxy(Core& core, Principal principal, v1::ReadOutputRequest request,
              rpc::StreamShare share);
  void on_wanted();
  void on_client_gone();

  // Finding out where the output is.
  void look_up();
  void on_job(const Result<store::JobView>& view);
  void on_ended_job(const store::JobView& view);
  void on_live_job(const store::JobView& view);
  void locate(const Uuid& job);
  void on_location(const Result<Location>& location);
  void ask_worker(const Attempt& attempt);

  // Reading it.
  void open(const Endpoint& worker, int attempt);
  void on_message(const WorkerOutput::Message& message);
  void on_upstream_end(const grpc::Status& status);
  void try_again_later(const grpc::Status& why);
  void complete(int attempt, const std::optional<WallTime>& when);
  void begin_at(const v1::OutputPosition& start);
  void advance(const v1::OutputChunk& chunk);

  Core& core_;
  const Principal principal_;
  v1::ReadOutputRequest request_;  // its offsets move on
  const rpc::StreamShare share_;
  std::shared_ptr<Writer> writer_;
  bool ended_ = false;     // the job, when it was looked up
  bool complete_ = false;  // the last message is given
  nanoseconds backoff_;

  std::mutex mutex_;  // guards what follows
  std::shared_ptr<WorkerOutput> upstream_;
  std::uint64_t ticket_ = 0;  // of the locator
  bool gone_ = false;         // the client
  grpc::Alarm alarm_;
};

}  // namespace takt::scheduler
