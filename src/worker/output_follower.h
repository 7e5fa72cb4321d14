// SPDX-License-Identifier: Apache-2.0
// One ReadOutput call: finds the output, gives it piece by piece as the client takes it, waits for
// more, says when it is complete. Works on gRPC's threads, the loop's and that of Outputs, one
// after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "worker/output.h"
#include "worker/output_reader.h"

namespace takt::worker {

class OutputFollower : public std::enable_shared_from_this<OutputFollower> {
 public:
  // `request` was checked.
  OutputFollower(Outputs& outputs, Principal principal, const Uuid& job_id,
                 const v1::WorkerServiceReadOutputRequest& request, rpc::StreamShare share);

  // What the handler returns to gRPC; start() or end() follow. The follower lives until its stream
  // is over.
  grpc::ServerWriteReactor<OutputMessage>* open_stream();
  void start() { writer_->start(); }

  // Any thread, any number of times.
  void end(const Error& error) { writer_->fail(error); }

 private:
  using Writer = rpc::PullWriter<OutputMessage>;

  void wanted();
  void find_source();
  void pump_on_thread();
  void pump();
  Result<bool> begin(const OutputGate::Look& look, OutputMessage& message);
  Result<bool> fill(OutputMessage& message);
  Result<bool> finish(const OutputGate::Look& look, OutputMessage& message);
  void wait_for_more(std::uint64_t turn);
  void over();

  Outputs& outputs_;
  const Principal principal_;
  const Uuid job_id_;
  int attempt_;                    // 0 until the output is found, if the latest is wanted
  std::optional<AttemptKey> key_;  // once the output is found
  const OutputWish wish_;
  const bool batch_;
  const rpc::StreamShare share_;
  std::shared_ptr<OutputGate> gate_;  // once the output is found
  std::unique_ptr<OutputReader> reader_;
  bool begun_ = false;
  bool may_complete_ = false;  // not for who wants only what was there before the end
  std::optional<attempt::ExitRecord> record_;  // once all there is was given
  bool said_complete_ = false;
  std::shared_ptr<Writer> writer_;

  std::mutex mutex_;  // guards what follows
  bool over_ = false;
  bool counted_ = false;
  std::uint64_t waiting_ = 0;  // at the gate; 0: never yet
};

}  // namespace takt::worker
