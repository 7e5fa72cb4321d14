// SPDX-License-Identifier: Apache-2.0
// One old worker, called: jobscheduler.Worker with a deadline of one second a call. Guarantees: an
// answer is told apart from silence, after which nobody knows whether the call was carried out.
// Results come on the thread that is given.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "compat/calls.h"
#include "compat/task_thread.h"
#include "jobscheduler/job_scheduler.grpc.pb.h"

namespace takt::compat {

// What came of a call.
template <class T>
struct Outcome {
  bool answered = false;  // false: silence
  Result<T> result;       // an error is the old worker's own, or says why it is silent
};

class OldClient {
 public:
  struct Status {
    bool done = false;
    bool error = false;
    std::string text;
  };
  template <class T>
  using Done = std::function<void(const Outcome<T>&)>;

  // Does not connect yet; kInvalid for an address that cannot be.
  static Result<std::unique_ptr<OldClient>> dial(const std::string& address, TaskThread& thread);

  void start(const std::string& command, const std::string& path, Done<std::string> done);
  void stop(const std::string& job, Done<bool> done);
  void query(const std::string& job, Done<Status> done);

  // Whether a connection is open now, as far as the kernel has told.
  [[nodiscard]] bool connected() const;

  // Connects at the next call, whatever the back-off says.
  void reset_backoff();

  // Waits until all calls are answered or have run out of time. Nothing may be started beside.
  void wait() { calls_.wait(); }

 private:
  OldClient(std::shared_ptr<grpc::Channel> channel, TaskThread& thread);

  // Starts a call whose outcome, made by `read`, goes to `done` on the thread.
  template <class T, class Response, class Request, class Begin, class Read>
  void call(Request request, Begin begin, Read read, Done<T> done);

  TaskThread& thread_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<jobscheduler::Worker::Stub> stub_;
  Calls calls_{limits::kOldAttemptsMax};  // goes first: it waits for what uses the stub
};

}  // namespace takt::compat
