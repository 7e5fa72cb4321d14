// SPDX-License-Identifier: Apache-2.0
// A whole scheduler in this process, on a unix socket in a temporary folder, and a client of it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "scheduler/daemon.h"
#include "support/fake_worker.h"
#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"
#include "takt/v1/registry_service.grpc.pb.h"
#include "unit/base/temp_folder.h"

namespace takt::scheduler {

inline constexpr const char* kWorkerOne = "11111111-0000-4000-8000-000000000001";
inline constexpr const char* kWorkerTwo = "22222222-0000-4000-8000-000000000002";

class SchedulerTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override { stop(); }

  void start();
  void stop();
  void restart() {
    stop();
    start();
  }

  // A worker that serves and is registered; waits until the scheduler has its list.
  std::unique_ptr<test::FakeWorker> make_worker(const std::string& id, const std::string& name);
  void add_worker(test::FakeWorker& worker);

  // Each with a deadline of its own.
  static std::unique_ptr<grpc::ClientContext> context();
  grpc::Status try_submit(const v1::JobSpec& spec, const std::string& request_id,
                          v1::SubmitJobResponse& response);
  std::string submit(const v1::JobSpec& spec, const std::string& request_id = "");
  grpc::Status try_get(const std::string& key, v1::Job& job);
  v1::Job get(const std::string& key);
  v1::StopJobResponse stop_job(const std::string& job, const std::string& reason);
  // Watches the job from its beginning until it is in that state; its events on the way.
  std::vector<v1::WatchJobsResponse> watch_until(const std::string& job, v1::JobState state,
                                                 std::int64_t after = 0);
  std::vector<v1::Worker> workers();
  // Asks again and again until the worker is in that state; the deadline is 60 s.
  bool wait_worker(const std::string& id, v1::WorkerState state);
  // Worker one, of that name, goes down in order, and is given up.
  void leave_and_forget_one();

  // A command that the fake worker takes.
  static v1::JobSpec spec(const std::string& name = "");

  test::TempFolder folder_;
  config::SchedulerConfig config_;
  std::unique_ptr<Daemon> daemon_;
  std::thread thread_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::OperatorService::Stub> operator_;
  std::unique_ptr<v1::RegistryService::Stub> registry_;
};

}  // namespace takt::scheduler
