// SPDX-License-Identifier: Apache-2.0
// Serving output. Guarantees: readers read the files by offset, one message in flight each, nothing
// stored; waiting costs no polling and no thread of its own; any number of readers costs the job
// nothing. The loop is asked once where the output is; a thread for all readers finds the begin and
// wakes those that wait; gRPC's threads do the rest.
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "job/principal.h"
#include "rpc/shares.h"
#include "rpc/stream_writer.h"
#include "takt/v1/worker_service.pb.h"
#include "worker/core.h"
#include "worker/work_thread.h"

namespace takt::worker {

using OutputMessage = v1::WorkerServiceReadOutputResponse;

// Where an attempt's output is, and how more of it is noticed.
struct OutputSource {
  AttemptKey attempt;
  UniqueFd folder;
  std::shared_ptr<OutputGate> gate;
};

// Why streams end when the worker does.
Error gone_down();

class OutputFollower;

class Outputs {
 public:
  explicit Outputs(Core& core) : core_(core) {}

  // The reactor of one ReadOutput call by this principal, which holds `share` until it is over. Any
  // thread.
  grpc::ServerWriteReactor<OutputMessage>* read(const Principal& principal,
                                                const v1::WorkerServiceReadOutputRequest& request,
                                                rpc::StreamShare share = {});

  // Ends all streams with UNAVAILABLE: the worker goes down, readers go on at their offset later.
  // Any thread.
  void end_all();

 private:
  friend class OutputFollower;
  Result<void> admit(const std::shared_ptr<OutputFollower>& follower);
  // Loop thread.
  [[nodiscard]] Result<OutputSource> open(const Principal& principal, const Uuid& job_id,
                                          int attempt, bool follow);
  void followed(const AttemptKey& key, int change);

  Core& core_;
  std::mutex mutex_;
  std::set<std::shared_ptr<OutputFollower>> followers_;
  bool ended_ = false;
  WorkThread thread_;  // one task for each follower at most
};

}  // namespace takt::worker
