// SPDX-License-Identifier: Apache-2.0
// A scheduler's core and whole workers in this process, without gRPC between them or before them:
// sessions are ClientLinks, calls come from support/in_process.h. Jobs are real processes.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "scheduler/core.h"
#include "scheduler/verbs.h"
#include "support/in_process_link.h"
#include "unit/base/temp_folder.h"
#include "worker/daemon.h"

namespace takt::test {

// A worker daemon on a thread of its own; nobody connects to its socket.
class InProcessWorker {
 public:
  InProcessWorker(const std::string& folder, const std::string& name);
  ~InProcessWorker();
  InProcessWorker(const InProcessWorker&) = delete;
  InProcessWorker& operator=(const InProcessWorker&) = delete;

  [[nodiscard]] worker::Daemon& daemon() { return *daemon_; }
  [[nodiscard]] v1::RegisterWorkerRequest registration() const;
  // Names in active/: attempts whose end is not acknowledged.
  [[nodiscard]] std::size_t active() const;

 private:
  const std::string folder_;
  const std::string name_;
  std::unique_ptr<worker::Daemon> daemon_;
  std::thread thread_;
};

// The scheduler without its server, on a thread of its own.
class InProcessScheduler {
 public:
  InProcessScheduler(const std::string& folder, const scheduler::Session::Begin& begin);
  // Streams that are open are cancelled before.
  ~InProcessScheduler();
  InProcessScheduler(const InProcessScheduler&) = delete;
  InProcessScheduler& operator=(const InProcessScheduler&) = delete;

  [[nodiscard]] scheduler::Core& core() { return *core_; }

  // Its loop ends; what is asked from then on is refused. Once, and before the end anyhow.
  void halt();

 private:
  std::unique_ptr<sd::EventLoop> loop_;
  std::unique_ptr<rpc::Credentials> credentials_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<scheduler::Core> core_;
  std::thread thread_;
};

class InProcessFleet : public testing::Test {
 protected:
  using WatchCall = StreamCall<v1::WatchJobsResponse>;
  using OutputCall = StreamCall<v1::WorkerServiceReadOutputResponse>;

  InProcessFleet();
  void TearDown() override { take_down(); }
  void start_scheduler();
  // Scheduler and workers go; what they have on disk stays.
  void take_down();
  InProcessWorker& add_worker(const std::string& name);

  // Has `verb` called with a reply; gives the call, which is under way.
  template <class Response, class Verb>
  std::shared_ptr<UnaryCall<Response>> begin(Verb verb) {
    const auto call = std::make_shared<UnaryCall<Response>>(threads_);
    rpc::UnaryReply<Response> reply(&call->response);
    call->serve(reply.reactor());
    verb(scheduler_->core(), reply);
    return call;
  }
  // The same, and waits for the answer.
  template <class Response, class Verb>
  Response ask(Verb verb) {
    const auto call = begin<Response>(verb);
    const auto status = call->wait();
    EXPECT_TRUE(status && status->ok()) << (status ? status->error_message() : "no answer");
    return call->response;
  }
  std::shared_ptr<UnaryCall<v1::SubmitJobResponse>> begin_submit(
      const std::string& text, const std::string& request_id = "");
  std::shared_ptr<UnaryCall<v1::StopJobResponse>> begin_stop(const std::string& job);
  std::string submit(const std::string& text);
  void stop(const std::string& job);
  v1::Job get(const std::string& job);
  void list();
  std::shared_ptr<WatchCall> watch(std::int64_t after);
  // Reads it at its worker, to its end.
  std::string output(InProcessWorker& worker, const std::string& job);

  // What a worker's server does with a session.
  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* accept(
      const std::string& address);

  TempFolder folder_;
  CallThreads threads_{8};
  std::mutex mutex_;  // workers_, where a worker comes while the scheduler dials
  std::map<std::string, std::unique_ptr<InProcessWorker>> workers_;  // by address
  std::unique_ptr<InProcessScheduler> scheduler_;
  rpc::Caller root_;
};

}  // namespace takt::test
