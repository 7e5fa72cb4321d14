// SPDX-License-Identifier: Apache-2.0
// Users and operators of a simulation. Guarantees: what is not answered is asked again, a
// submission with the same request id; some give up. In quiet times nobody does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulation/call.h"
#include "simulation/caller.h"
#include "simulation/checks.h"
#include "simulation/worker.h"
#include "takt/v1/job_service.pb.h"

namespace takt::sim {

class Clients {
 public:
  Clients(Scheduler& scheduler, const CallFaults& calls, Checks& checks,
          std::vector<std::unique_ptr<Worker>>& workers)
      : scheduler_(scheduler), calls_(calls), checks_(checks), workers_(workers) {}

  // Somebody does something.
  void act();
  // From now on nobody gives up, and what would wait or run for ever is let go: one round.
  void calm_down();
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }
  // All that were submitted, oldest first.
  [[nodiscard]] const std::vector<std::string>& jobs() const { return jobs_; }

 private:
  void submit(const std::shared_ptr<const v1::SubmitJobRequest>& request,
              const rpc::Caller& caller);
  void add_job(const std::string& job, const rpc::Caller& owner);
  [[nodiscard]] rpc::Caller any_account() const;
  // Whose job it is, or an operator.
  [[nodiscard]] rpc::Caller caller_for(const std::string& job) const;
  void note_change(const std::string& job, Checks::Change change);
  void retry();
  void stop(const std::string& job, bool with_grace);
  void change_waiting();
  void freeze(const std::string& job, bool frozen);
  void change_worker();
  void undrain(const std::string& worker);
  void release(const std::string& job);

  // Asks until it is answered, or somebody loses patience; `done` gets a good answer.
  template <class Response, class Verb>
  void ask(Verb verb, std::function<void(const Response&)> done);

  [[nodiscard]] v1::JobSpec random_spec() const;
  std::shared_ptr<const v1::SubmitJobRequest> random_request();
  void add_policies(v1::JobSpec& spec) const;
  [[nodiscard]] std::string random_job() const;
  [[nodiscard]] std::string next_request() { return "request-" + std::to_string(++requests_); }

  Scheduler& scheduler_;
  const CallFaults& calls_;
  Checks& checks_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  const Path path_{};
  bool calm_ = false;
  std::size_t unanswered_ = 0;
  int requests_ = 0;
  std::vector<std::string> jobs_;  // that clients know of
  std::map<std::string, rpc::Caller> owners_;
};

}  // namespace takt::sim
