// SPDX-License-Identifier: Apache-2.0
// The face that an old worker has for our scheduler: takt.v1.WorkerService on a private socket.
// Guarantees: a session begins with hello and list, a newer one takes over; nobody is let in while
// the old worker does not answer; output is complete, without a byte, once the attempt has ended.
// All but shutdown() on the thread that is given.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "compat/task_thread.h"
#include "job/job.h"
#include "rpc/bidi_server.h"
#include "rpc/server.h"
#include "rpc/stream_writer.h"
#include "takt/v1/worker_service.grpc.pb.h"

namespace takt::compat {

class OldSession {
 public:
  using Stream = rpc::BidiServer<v1::SessionRequest, v1::SessionResponse>;
  using OutputWriter = rpc::StreamWriter<v1::WorkerServiceReadOutputResponse>;

  struct Identity {
    Uuid id;
    std::string name;
    int slots = 0;
  };
  struct Events {
    // All attempts that are held.
    std::function<std::vector<Attempt>()> list;
    // One of them; null if it is not held.
    std::function<const Attempt*(const AttemptId&)> find;
    std::function<void(const AttemptId&, const v1::StartCommand&)> on_start;
    std::function<void(const AttemptId&, const StopRequest&)> on_stop;
    std::function<void(const AttemptId&)> on_acknowledge;
    std::function<void(const AttemptId&)> on_freeze;  // or to thaw it
    // The session is over, or another one begins.
    std::function<void()> on_down;
  };

  OldSession(TaskThread& thread, Identity identity, Events events);
  ~OldSession();
  OldSession(const OldSession&) = delete;
  OldSession& operator=(const OldSession&) = delete;

  // Listens on `address` ("unix:/…"), for this process's user alone. Any thread, once.
  Result<void> serve(const std::string& address);

  // Lets the scheduler in from now on.
  void welcome() { why_not_.reset(); }
  // Hangs up, and says so to whoever dials.
  void send_away(const Error& why);
  // The same for readers of output, too: for good.
  void end_all();

  void report(const Attempt& attempt);
  void refuse(const AttemptId& attempt, const std::string& message, WallTime retry_time);

  // Ends the server once end_all() was called. On the thread only without patience.
  void shutdown(milliseconds patience);

 private:
  class Service;
  struct Link;
  struct Follower;
  using LinkPtr = std::shared_ptr<Link>;

  // From gRPC's threads.
  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* accept();
  grpc::ServerWriteReactor<v1::WorkerServiceReadOutputResponse>* read_output(
      const v1::WorkerServiceReadOutputRequest& request);

  void on_message(const LinkPtr& link, const v1::SessionRequest& message);
  void on_hello(const LinkPtr& link, const v1::SchedulerHello& hello);
  void on_command(const LinkPtr& link, const v1::SessionRequest& message);
  void on_end(const LinkPtr& link);
  void on_reader(const AttemptId& attempt, bool follow, const std::shared_ptr<OutputWriter>& to);
  void send_list(Link& link);
  void send(v1::SessionResponse message);
  void beat(const LinkPtr& link);
  v1::SessionResponse make_hello();

  TaskThread& thread_;
  const Identity identity_;
  const Events events_;
  std::optional<Error> why_not_;
  LinkPtr link_;  // after its hello
  std::int64_t epoch_ = 0;
  std::int64_t sessions_ = 0;
  std::list<Follower> followers_;
  bool ended_ = false;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace takt::compat
