// SPDX-License-Identifier: Apache-2.0
// A worker in this process that runs nothing, but keeps the rules of WorkerService: it lists what
// it holds, reports, waits for acknowledgements. On demand it does what workers do on bad days:
// loses a start, refuses one, dies, comes back in another boot, breaks a stream. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "rpc/bidi_server.h"
#include "rpc/stream_writer.h"
#include "takt/v1/registry_service.pb.h"
#include "takt/v1/worker_service.grpc.pb.h"

namespace takt::test {

class FakeWorker {
 public:
  enum class OnStart { kRun, kLose, kRefuse, kSucceed };

  // Serves on "unix:<path>"; `id` is a UUID.
  FakeWorker(std::string id, std::string name, std::string path);
  ~FakeWorker();
  FakeWorker(const FakeWorker&) = delete;
  FakeWorker& operator=(const FakeWorker&) = delete;

  // Comes up, goes away. What it holds stays.
  void serve();
  void die();

  [[nodiscard]] v1::RegisterWorkerRequest registration() const;
  [[nodiscard]] std::string address() const { return "unix:" + path_; }

  void on_start(OnStart what);
  void set_boot(const std::string& boot);
  // In its hello, in place of its own name.
  void say_name(const std::string& name);
  // That its host fails to start jobs, at once and in its hello; empty: that it does not.
  void say_fault(const std::string& fault);
  // Beside the one of its kind; fewer than limits::kLabelsMax.
  void set_labels(const google::protobuf::Map<std::string, std::string>& labels);
  // Holds an attempt that nobody sent, and says that alice submitted it; without a spec it says
  // nothing of what it runs.
  void hold(const v1::Attempt& attempt, const std::optional<v1::JobSpec>& spec = {});
  // Loses what it holds of this job.
  void forget(const std::string& job);
  // Ends an attempt that it holds, by exit code, and reports it.
  void end(const std::string& job, int exit_code);
  // What the job has written to stdout so far; followers get it.
  void write(const std::string& job, const std::string& text);
  // The next stream of output ends with UNAVAILABLE after so many messages.
  void break_output_after(int messages);

  // Wait for what the scheduler sends; false after 60 s.
  bool wait_starts(std::size_t count);
  bool wait_stops(std::size_t count);
  bool wait_acknowledged(const std::string& job, int count = 1);
  bool wait_sessions(int count);
  bool wait_describes(int count);

  [[nodiscard]] std::vector<v1::StartCommand> starts();
  [[nodiscard]] std::vector<v1::StopCommand> stops();
  [[nodiscard]] int sessions();
  [[nodiscard]] int output_streams();
  // Commands that came before the list's end.
  [[nodiscard]] int early_commands();

 private:
  using Stream = rpc::BidiServer<v1::SessionRequest, v1::SessionResponse>;
  using OutputWriter = rpc::PullWriter<v1::WorkerServiceReadOutputResponse>;
  class Service;
  struct Follower;

  [[nodiscard]] v1::Capacity capacity() const;
  bool wait(const std::function<bool()>& ready);
  void on_message(const std::shared_ptr<Stream>& stream, const v1::SessionRequest& message);
  void on_hello(const std::shared_ptr<Stream>& stream);
  void take_start(const v1::StartCommand& start);
  void take_stop(const v1::StopCommand& stop);
  void take_describe(const v1::DescribeCommand& describe);
  void finish(v1::Attempt& attempt, v1::EndCause cause, v1::JobState state, int exit_code);
  void report(const v1::Attempt& attempt);
  void feed(const std::shared_ptr<Follower>& follower);
  void feed_all();

  const std::string id_;
  const std::string name_;
  const std::string path_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  OnStart on_start_ = OnStart::kRun;
  std::string boot_ = "boot-1";
  std::string said_name_;
  std::string fault_;
  google::protobuf::Map<std::string, std::string> labels_;
  std::map<std::string, v1::Attempt> held_;   // by job
  std::map<std::string, v1::JobSpec> specs_;  // of those that nobody sent
  std::map<std::string, std::string> output_;
  std::map<std::string, int> acknowledged_;
  std::vector<v1::StartCommand> starts_;
  std::vector<v1::StopCommand> stops_;
  std::shared_ptr<Stream> session_;
  bool listed_ = false;
  int sessions_ = 0;
  int early_ = 0;
  int describes_ = 0;
  int output_streams_ = 0;
  int break_after_ = -1;
  std::vector<std::shared_ptr<Follower>> followers_;
};

}  // namespace takt::test
