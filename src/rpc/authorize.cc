// SPDX-License-Identifier: Apache-2.0
#include "rpc/authorize.h"

#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "rpc/certificate.h"
#include "rpc/check_request.h"
#include "rpc/log_gate.h"

namespace takt::rpc {
namespace {

constexpr const char* kUriProperty = "peer_uri";  // gRPC's name for the URI SANs of a certificate

constexpr std::uint8_t bit(Role role) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(role));
}
constexpr std::uint8_t kUsers = bit(Role::kUser) | bit(Role::kOperator);
constexpr std::uint8_t kOperators = bit(Role::kOperator);
constexpr std::uint8_t kWorkers = bit(Role::kWorker);
constexpr std::uint8_t kSchedulers = bit(Role::kScheduler);

struct Rule {
  Action action;
  const char* name;
  std::uint8_t roles;
};

// THE table, in the order of the actions. A new RPC does not compile without its rule.
constexpr Rule kRules[] = {
    {Action::kSubmitJob, "JobService.SubmitJob", kUsers},
    {Action::kSubmitJobs, "JobService.SubmitJobs", kUsers},
    {Action::kGetJob, "JobService.GetJob", kUsers},
    {Action::kListJobs, "JobService.ListJobs", kUsers},
    {Action::kCountJobs, "JobService.CountJobs", kUsers},
    {Action::kStopJob, "JobService.StopJob", kUsers},
    {Action::kPauseJob, "JobService.PauseJob", kUsers},
    {Action::kResumeJob, "JobService.ResumeJob", kUsers},
    {Action::kRetryJob, "JobService.RetryJob", kUsers},
    {Action::kHoldJob, "JobService.HoldJob", kUsers},
    {Action::kReleaseJob, "JobService.ReleaseJob", kUsers},
    {Action::kUpdateJob, "JobService.UpdateJob", kUsers},
    {Action::kExplainJob, "JobService.ExplainJob", kUsers},
    {Action::kPlanJob, "JobService.PlanJob", kUsers},
    {Action::kWatchJobs, "JobService.WatchJobs", kUsers},
    {Action::kReadOutput, "JobService.ReadOutput", kUsers},
    {Action::kListWorkers, "OperatorService.ListWorkers", kUsers},
    {Action::kDrainWorker, "OperatorService.DrainWorker", kOperators},
    {Action::kUndrainWorker, "OperatorService.UndrainWorker", kOperators},
    {Action::kForgetWorker, "OperatorService.ForgetWorker", kOperators},
    {Action::kListOrphans, "OperatorService.ListOrphans", kOperators},
    {Action::kStopOrphan, "OperatorService.StopOrphan", kOperators},
    {Action::kAdoptOrphan, "OperatorService.AdoptOrphan", kOperators},
    {Action::kRegisterWorker, "RegistryService.RegisterWorker", kWorkers},
    {Action::kDeregisterWorker, "RegistryService.DeregisterWorker", kWorkers},
    {Action::kWorkerStartJob, "WorkerService.StartJob", kUsers | kSchedulers},
    {Action::kWorkerStopJob, "WorkerService.StopJob", kUsers | kSchedulers},
    {Action::kWorkerPauseJob, "WorkerService.PauseJob", kUsers | kSchedulers},
    {Action::kWorkerResumeJob, "WorkerService.ResumeJob", kUsers | kSchedulers},
    {Action::kWorkerQueryJob, "WorkerService.QueryJob", kUsers | kSchedulers},
    {Action::kWorkerListJobs, "WorkerService.ListJobs", kUsers | kSchedulers},
    {Action::kWorkerReadOutput, "WorkerService.ReadOutput", kUsers | kSchedulers},
    {Action::kWorkerSession, "WorkerService.Session", kSchedulers},
};
static_assert([] {
  std::size_t at = 0;
  for (const Rule& rule : kRules)
    if (static_cast<std::size_t>(rule.action) != at++) return false;
  return at == static_cast<std::size_t>(Action::kEnd);
}());

const Rule& rule_of(Action action) {
  TAKT_CHECK(action < Action::kEnd, "action %d", static_cast<int>(action));
  return kRules[static_cast<std::size_t>(action)];
}

std::string roles_text(std::uint8_t roles) {
  std::string text;
  for (const Role role : {Role::kUser, Role::kOperator, Role::kScheduler, Role::kWorker})
    if ((roles & bit(role)) != 0)
      text += (text.empty() ? "" : " or ") + std::string(role_name(role));
  return text;
}

std::string remedy(const Caller& caller, std::uint8_t roles) {
  const std::string who = caller.describe();
  if (caller.tls)
    return "that takes a certificate with role " + roles_text(roles) +
           ", that is with a subject alternative name URI:takt://ROLE/NAME";
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
  const Rule& rule = rule_of(action);
  if (caller.every_role || (rule.roles & bit(caller.role)) != 0) return {};
  return make_error(ErrorCode::kPermissionDenied, caller.describe() + " may not call " + rule.name +
                                                      ": " + remedy(caller, rule.roles));
}

namespace {

Result<Caller> caller_of(const grpc::ServerContextBase& context) {
  std::vector<std::string> uris;
  for (const grpc::string_ref& uri : context.auth_context()->FindPropertyValues(kUriProperty))
    uris.emplace_back(uri.data(), uri.size());
  const auto name = name_from_uris(uris);
  if (!name) return name.error();
  Caller caller = tls_caller();
  caller.role = name->role;
  caller.certificate = name->uri();
  return caller;
}

void log_refusal(const grpc::ServerContextBase& context, Action action, const Error& error) {
  static LogGate gate(limits::kRefusalLinesPerMinute);
  if (gate.open())
    log_warning("refused " + std::string(action_name(action)) + " to " + context.peer() + ": " +
                    error.message,
                {message_id(kActionRefusedId)});
}

}  // namespace

Result<Caller> Guard::named() const {
  Caller caller = connection_;
  if (!caller.local || caller.uid == kNoUid) return caller;
  if (caller.uid == 0) {
    caller.user_name = "root";  // whatever state the user database is in
    return caller;
  }
  auto name = names_->name_of(caller.uid);
  // Only people are known by their name.
  const bool person = caller.role == Role::kUser || caller.role == Role::kOperator;
  if (!name && person) return name.error();
  caller.user_name = name && *name ? **name : "";
  return caller;
}

Result<Caller> Guard::admit_stream(const grpc::ServerContextBase& context, Action action) const {
  if (!connection_.tls) {
    Result<Caller> caller = named();
    if (!caller) return caller;
    if (Result<void> allowed = authorize(*caller, action); !allowed) return allowed.error();
    return caller;
  }
  Result<Caller> caller = caller_of(context);
  if (caller) {
    if (Result<void> allowed = authorize(*caller, action); !allowed) caller = allowed.error();
  }
  if (!caller) log_refusal(context, action, caller.error());
  return caller;
}

Result<Caller> Guard::admit(const grpc::ServerContextBase& context, Action action,
                            const google::protobuf::Message& request) const {
  Result<Caller> caller = admit_stream(context, action);
  if (!caller) return caller;
  if (auto good = check_request(request); !good) return good.error();
  return caller;
}

Result<ShareLease> Guard::take(Share share, const Caller& caller) const {
  if (shares_ == nullptr) return ShareLease();
  return shares_->take(share, holder_of(caller));
}

}  // namespace takt::rpc
