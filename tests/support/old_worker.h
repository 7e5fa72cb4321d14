// SPDX-License-Identifier: Apache-2.0
// A worker of the original design in this process: jobscheduler.Worker with its jobs in a map, none
// of which runs. On demand it does what such workers do on bad days: refuses a start, never answers
// one, dies with all it knew, comes back at the same address. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jobscheduler/job_scheduler.grpc.pb.h"

namespace takt::test {

// "127.0.0.1:PORT" that nobody listens on.
std::string free_address();

class OldWorker {
 public:
  enum class OnStart { kRun, kRefuse, kHang };
  struct Start {
    std::string command;
    std::string path;
    std::string id;  // empty if it was refused or never answered
  };

  OldWorker();
  ~OldWorker();
  OldWorker(const OldWorker&) = delete;
  OldWorker& operator=(const OldWorker&) = delete;

  void serve();
  // Goes away and forgets its jobs.
  void die();
  [[nodiscard]] const std::string& address() const { return address_; }

  void on_start(OnStart what);
  // Ends a job: empty is exit code 0, else the errorText.
  void end(const std::string& id, const std::string& text);
  // How a job that is stopped is said to end.
  void on_stop(const std::string& text);

  // Waits until so many starts have come in all; false after 20 s.
  bool wait_starts(std::size_t count);
  [[nodiscard]] std::vector<Start> starts();
  [[nodiscard]] std::size_t stops();
  [[nodiscard]] std::size_t queries();

 private:
  struct Job {
    bool done = false;
    std::string text;
  };
  class Service;

  const std::string address_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  OnStart on_start_ = OnStart::kRun;
  std::string stopped_text_ = "signal: killed";
  std::map<std::string, Job> jobs_;
  std::vector<Start> starts_;
  std::size_t stops_ = 0;
  std::size_t queries_ = 0;
};

}  // namespace takt::test
