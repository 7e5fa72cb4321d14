// SPDX-License-Identifier: Apache-2.0
#include "rpc/authorize.h"

#include <cstdint>

namespace takt::rpc {
namespace {

constexpr std::uint8_t bit(Role role) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(role));
}
constexpr std::uint8_t kUsers = bit(Role::kUser) | bit(Role::kOperator);
constexpr std::uint8_t kOperators = bit(Role::kOperator);
constexpr std::uint8_t kWorkers = bit(Role::kWorker);
constexpr std::uint8_t kSchedulers = bit(Role::kScheduler);

struct Rule {
  const char* name;
  std::uint8_t roles;
};

// THE table. No default: a new RPC does not compile without its rule.
Rule rule_of(Action action) {
  switch (action) {
    case Action::kSubmitJob:
      return {"JobService.SubmitJob", kUsers};
    case Action::kSubmitJobs:
      return {"JobService.SubmitJobs", kUsers};
    case Action::kGetJob:
      return {"JobService.GetJob", kUsers};
    case Action::kListJobs:
      return {"JobService.ListJobs", kUsers};
    case Action::kStopJob:
      return {"JobService.StopJob", kUsers};
    case Action::kPauseJob:
      return {"JobService.PauseJob", kUsers};
    case Action::kResumeJob:
      return {"JobService.ResumeJob", kUsers};
    case Action::kRetryJob:
      return {"JobService.RetryJob", kUsers};
    case Action::kExplainJob:
      return {"JobService.ExplainJob", kUsers};
    case Action::kWatchJobs:
      return {"JobService.WatchJobs", kUsers};
    case Action::kReadOutput:
      return {"JobService.ReadOutput", kUsers};
    case Action::kListWorkers:
      return {"OperatorService.ListWorkers", kUsers};
    case Action::kDrainWorker:
      return {"OperatorService.DrainWorker", kOperators};
    case Action::kUndrainWorker:
      return {"OperatorService.UndrainWorker", kOperators};
    case Action::kForgetWorker:
      return {"OperatorService.ForgetWorker", kOperators};
    case Action::kRegisterWorker:
      return {"RegistryService.RegisterWorker", kWorkers};
    case Action::kDeregisterWorker:
      return {"RegistryService.DeregisterWorker", kWorkers};
    case Action::kWorkerStartJob:
      return {"WorkerService.StartJob", kUsers | kSchedulers};
    case Action::kWorkerStopJob:
      return {"WorkerService.StopJob", kUsers | kSchedulers};
    case Action::kWorkerQueryJob:
      return {"WorkerService.QueryJob", kUsers | kSchedulers};
    case Action::kWorkerListJobs:
      return {"WorkerService.ListJobs", kUsers | kSchedulers};
    case Action::kWorkerReadOutput:
      return {"WorkerService.ReadOutput", kUsers | kSchedulers};
    case Action::kWorkerSession:
      return {"WorkerService.Session", kSchedulers};
  }
  TAKT_CHECK(false, "action %d", static_cast<int>(action));
}

std::string remedy(const Caller& caller, std::uint8_t roles) {
  const std::string who = caller.describe();
  if ((roles & bit(Role::kUser)) != 0) {
    return who + " is not in group takt: " + how_to_join("takt", caller.user_name);
  }
  if ((roles & kOperators) != 0) {
    return "this is for operators, and " + who +
           " is not in group takt-admin: " + how_to_join("takt-admin", caller.user_name);
  }
  if (roles == kSchedulers) return "this is for the scheduler's user (takt-scheduler) and root";
  return "this is for the worker's user (takt-worker) and root";
}

}  // namespace

const char* action_name(Action action) { return rule_of(action).name; }

std::string how_to_join(const std::string& group, const std::string& user_name) {
  return "sudo usermod -aG " + group + " " + (user_name.empty() ? "$USER" : user_name) +
         ", then log in again";
}

Result<void> authorize(const Caller& caller, Action action) {
  const Rule rule = rule_of(action);
  if (caller.every_role || (rule.roles & bit(caller.role)) != 0) return {};
  return make_error(ErrorCode::kPermissionDenied, caller.describe() + " may not call " + rule.name +
                                                      ": " + remedy(caller, rule.roles));
}

Result<Caller> Guard::admit(const grpc::ServerContextBase& /*context*/, Action action) const {
  if (Result<void> allowed = authorize(connection_, action); !allowed) return allowed.error();
  return connection_;
}

}  // namespace takt::rpc
