// SPDX-License-Identifier: Apache-2.0
// A user who sends whatever may do harm: calls about other accounts' jobs and their request ids,
// verbs of operators and workers, specs, times, filters and page tokens of every kind, one at a
// time and in floods. Guarantees: it passes what stands before each verb in the daemon; an answer
// that it must not get breaks a promise.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simulation/call.h"
#include "simulation/caller.h"
#include "simulation/checks.h"
#include "simulation/clients.h"
#include "takt/v1/job_service.pb.h"
#include "takt/v1/operator_service.pb.h"

namespace takt::sim {

// Requests that are wrong in one place or another, or good (hostile_requests.cc).
google::protobuf::Timestamp any_time();
google::protobuf::Duration any_duration();
std::int64_t any_number();
std::string any_text();
v1::JobSpec any_spec(const std::string& other_job);
v1::ListJobsRequest any_list(const std::string& other_job);

class HostileClient {
 public:
  HostileClient(Scheduler& scheduler, const CallFaults& calls, Checks& checks,
                const Clients& clients, const std::vector<std::unique_ptr<Worker>>& workers)
      : scheduler_(scheduler),
        calls_(calls),
        checks_(checks),
        clients_(clients),
        workers_(workers) {}

  void act();

 private:
  // Which job a call is about.
  struct Target {
    std::string key;
    bool is_anothers = false;  // by its whole id: nothing may be done to it
  };

  void submit();
  void submit_many();
  void read();
  void change();
  void pose_as_operator();
  void pose_as_worker();

  [[nodiscard]] Target any_target() const;
  [[nodiscard]] std::string job_of_another() const;
  [[nodiscard]] std::string any_worker() const;
  std::string any_request_id();

  // Sends it through what stands before the verb; `done` gets the answer.
  template <class Request, class Response>
  void send(rpc::Action action, const Request& request,
            void (*verb)(scheduler::Core&, const Principal&, const Request&,
                         const rpc::UnaryReply<Response>&),
            std::function<void(const grpc::Status&, const Response&)> done);
  // The same; that it is granted breaks a promise if it `must_fail`.
  template <class Request, class Response>
  void try_out(rpc::Action action, const Request& request, bool must_fail,
               void (*verb)(scheduler::Core&, const Principal&, const Request&,
                            const rpc::UnaryReply<Response>&));
  static void check_shown(const v1::Job& job);

  Scheduler& scheduler_;
  const CallFaults& calls_;
  Checks& checks_;
  const Clients& clients_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  const Path path_{};
  std::vector<std::string> mine_;
  int requests_ = 0;
};

}  // namespace takt::sim
