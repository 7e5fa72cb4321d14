// SPDX-License-Identifier: Apache-2.0
// takt-scheduler as a child process on a folder of its own, with workers that take every start at
// once and run nothing, and a client. Guarantees: all of it ends with its owner.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/stores.h"
#include "support/child_process.h"
#include "support/fake_worker.h"
#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"
#include "takt/v1/registry_service.grpc.pb.h"

namespace takt::bench {

class Scheduler {
 public:
  // Makes a store of this size below `folder`. `extra`: more lines of configuration, with their
  // sections.
  Scheduler(std::string name, const std::string& folder, const StoreSize& size,
            const std::string& extra = "");
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Starts the program; gives how long it took until it answered.
  microseconds start();
  // Has the workers register.
  void add_workers();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Filled& filled() const { return filled_; }
  // The path of its socket.
  [[nodiscard]] std::string socket() const { return folder_ + "/socket"; }
  [[nodiscard]] v1::JobService::Stub& jobs() { return *jobs_; }
  // Where the jobs of the bench run.
  [[nodiscard]] test::FakeWorker& worker() { return *workers_.front(); }

  // What all threads of the program have used so far.
  [[nodiscard]] nanoseconds cpu_time() const;
  // What it has in memory.
  [[nodiscard]] std::int64_t resident_bytes() const;
  // The most that it had, since it began or since forget_peak().
  [[nodiscard]] std::int64_t peak_resident_bytes() const;
  void forget_peak() const;
  [[nodiscard]] std::int64_t store_bytes() const;

 private:
  [[nodiscard]] std::int64_t memory(const std::string& label) const;

  const std::string name_;
  const std::string folder_;
  const Filled filled_;
  std::vector<std::unique_ptr<test::FakeWorker>> workers_;
  std::unique_ptr<test::ChildProcess> process_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::OperatorService::Stub> operator_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
};

// A call's context, with a deadline.
std::unique_ptr<grpc::ClientContext> context();

// Aborts with the status' words if it is not OK.
void expect_ok(const grpc::Status& status);

}  // namespace takt::bench
