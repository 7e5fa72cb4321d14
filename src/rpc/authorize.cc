// SPDX-License-Identifier: Apache-2.0
#include "rpc/authorize.h"

#include <iterator>
#include <string>
#include <vector>

#include "base/limits.h"
#include "rpc/certificate.h"
#include "rpc/check_request.h"
#include "rpc/refusals.h"

namespace takt::rpc {
namespace {

constexpr const char* kUriProperty = "peer_uri";  // gRPC's name for the URI SANs of a certificate

// What a role gets of its own jobs, and of another's.
struct Cell {
  Access own;
  Access another;
};
constexpr Cell kNone{Access::kNo, Access::kNo};
constexpr Cell kAny{Access::kYes, Access::kYes};
constexpr Cell kOwnOnly{Access::kYes, Access::kNo};
constexpr Cell kOwnOrSummary{Access::kYes, Access::kSummary};
constexpr Cell kOwnOrShown{Access::kYes, Access::kIfShown};

// The columns.
constexpr Role kRoles[] = {Role::kUser, Role::kOperator, Role::kScheduler, Role::kWorker};
constexpr std::size_t kRoleCount = std::size(kRoles);

struct Rule {
  Action action;
  const char* name;
  Cell cells[kRoleCount];
};

// The table, in the order of the actions. A new RPC does not compile without its row.
constexpr Rule kRules[] = {
    // RPC                                                  user, operator, scheduler, worker
    {Action::kSubmitJob, "JobService.SubmitJob", {kAny, kAny, kNone, kNone}},
    {Action::kSubmitJobs, "JobService.SubmitJobs", {kAny, kAny, kNone, kNone}},
    {Action::kGetJob, "JobService.GetJob", {kOwnOrSummary, kAny, kNone, kNone}},
    {Action::kListJobs, "JobService.ListJobs", {kOwnOrSummary, kAny, kNone, kNone}},
    {Action::kCountJobs, "JobService.CountJobs", {kAny, kAny, kNone, kNone}},
    {Action::kStopJob, "JobService.StopJob", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kPauseJob, "JobService.PauseJob", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kResumeJob, "JobService.ResumeJob", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kRetryJob, "JobService.RetryJob", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kHoldJob, "JobService.HoldJob", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kReleaseJob, "JobService.ReleaseJob", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kUpdateJob, "JobService.UpdateJob", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kExplainJob, "JobService.ExplainJob", {kOwnOrShown, kAny, kNone, kNone}},
    {Action::kPlanJob, "JobService.PlanJob", {kAny, kAny, kNone, kNone}},
    {Action::kWatchJobs, "JobService.WatchJobs", {kOwnOrSummary, kAny, kNone, kNone}},
    {Action::kReadOutput, "JobService.ReadOutput", {kOwnOrShown, kAny, kNone, kNone}},
    {Action::kGetLimits, "JobService.GetLimits", {kOwnOnly, kAny, kNone, kNone}},
    {Action::kListWorkers, "OperatorService.ListWorkers", {kAny, kAny, kNone, kNone}},
    {Action::kDrainWorker, "OperatorService.DrainWorker", {kNone, kAny, kNone, kNone}},
    {Action::kUndrainWorker, "OperatorService.UndrainWorker", {kNone, kAny, kNone, kNone}},
    {Action::kForgetWorker, "OperatorService.ForgetWorker", {kNone, kAny, kNone, kNone}},
    {Action::kListOrphans, "OperatorService.ListOrphans", {kNone, kAny, kNone, kNone}},
    {Action::kStopOrphan, "OperatorService.StopOrphan", {kNone, kAny, kNone, kNone}},
    {Action::kAdoptOrphan, "OperatorService.AdoptOrphan", {kNone, kAny, kNone, kNone}},
    {Action::kRegisterWorker, "RegistryService.RegisterWorker", {kNone, kNone, kNone, kAny}},
    {Action::kDeregisterWorker, "RegistryService.DeregisterWorker", {kNone, kNone, kNone, kAny}},
    {Action::kWorkerStartJob, "WorkerService.StartJob", {kAny, kAny, kAny, kNone}},
    {Action::kWorkerStopJob, "WorkerService.StopJob", {kOwnOnly, kAny, kOwnOnly, kNone}},
    {Action::kWorkerPauseJob, "WorkerService.PauseJob", {kOwnOnly, kAny, kOwnOnly, kNone}},
    {Action::kWorkerResumeJob, "WorkerService.ResumeJob", {kOwnOnly, kAny, kOwnOnly, kNone}},
    {Action::kWorkerQueryJob,
     "WorkerService.QueryJob",
     {kOwnOrSummary, kAny, kOwnOrSummary, kNone}},
    {Action::kWorkerListJobs,
     "WorkerService.ListJobs",
     {kOwnOrSummary, kAny, kOwnOrSummary, kNone}},
    {Action::kWorkerReadOutput,
     "WorkerService.ReadOutput",
     {kOwnOrShown, kAny, kOwnOrShown, kNone}},
    {Action::kWorkerSession, "WorkerService.Session", {kNone, kNone, kAny, kNone}},
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

const Cell* cell_of(const Rule& rule, Role role) {
  for (std::size_t at = 0; at < kRoleCount; ++at)
    if (kRoles[at] == role) return &rule.cells[at];
  return nullptr;
}

bool may_call(const Rule& rule, Role role) {
  const Cell* cell = cell_of(rule, role);
  return cell != nullptr && (cell->own != Access::kNo || cell->another != Access::kNo);
}

std::string roles_text(const Rule& rule) {
  std::string text;
  for (const Role role : kRoles)
    if (may_call(rule, role)) text += (text.empty() ? "" : " or ") + std::string(role_name(role));
  return text;
}

std::string remedy(const Principal& principal, const Rule& rule) {
  const std::string who = principal.describe();
  if (principal.is_tls())
    return "that takes a certificate with role " + roles_text(rule) +
           ", that is with a subject alternative name URI:takt://ROLE/NAME";
  if (may_call(rule, Role::kUser)) {
    return who + " is not in group takt: " + how_to_join("takt", principal.user_name);
  }
  if (may_call(rule, Role::kOperator)) {
    return "this is for operators, and " + who +
           " is not in group takt-admin: " + how_to_join("takt-admin", principal.user_name);
  }
  if (may_call(rule, Role::kScheduler))
    return "this is for the scheduler's user (takt-scheduler) and root";
  return "this is for the worker's user (takt-worker) and root";
}

const char* access_text(Access access) {
  switch (access) {
    case Access::kNo:
      return "no";
    case Access::kIfShown:
      return "see = all";
    case Access::kSummary:
      return "summary";
    case Access::kYes:
      return "yes";
  }
  TAKT_CHECK(false, "access %d", static_cast<int>(access));
}

// What is refused of another's job, and how more could be had.
std::string refused_text(Action action, Access access) {
  if (access != Access::kIfShown) return "only they and operators may act on it";
  return std::string("only they and operators may ") +
         (action == Action::kExplainJob ? "see why it waits" : "read its output") +
         ", unless [access] see = all";
}

}  // namespace

const char* action_name(Action action) { return rule_of(action).name; }

std::string how_to_join(const std::string& group, const std::string& user_name) {
  return "sudo usermod -aG " + group + " " + (user_name.empty() ? "$USER" : user_name) +
         ", then log in again";
}

Access access_of(const Principal& principal, Action action, Whose whose) {
  if (principal.every_role) return Access::kYes;
  const Cell* cell = cell_of(rule_of(action), principal.role);
  if (cell == nullptr) return Access::kNo;
  if (whose == Whose::kOwn) return cell->own;
  const bool shown = cell->another == Access::kSummary || cell->another == Access::kIfShown;
  return whose == Whose::kReaders && shown ? Access::kYes : cell->another;
}

std::string access_table() {
  std::string text = "| RPC |";
  std::string line = "|---|";
  for (const Role role : kRoles) {
    text += std::string(" ") + role_name(role) + ": own | another's |";
    line += "---|---|";
  }
  text += "\n" + line + "\n";
  for (const Rule& rule : kRules) {
    text += std::string("| `") + rule.name + "` |";
    for (const Cell& cell : rule.cells)
      for (const Access access : {cell.own, cell.another})
        text += std::string(" ") + access_text(access) + " |";
    text += "\n";
  }
  return text;
}

Result<void> authorize(const Principal& principal, Action action) {
  const Rule& rule = rule_of(action);
  if (principal.every_role || may_call(rule, principal.role)) return {};
  return make_error(ErrorCode::kPermissionDenied, principal.describe() + " may not call " +
                                                      rule.name + ": " + remedy(principal, rule));
}

Result<Sight> may(const Principal& principal, Action action, const JobOwner& job, See see) {
  const Access access = access_of(principal, action, job.whose);
  if (access == Access::kYes) return Sight::kWhole;
  if (access != Access::kNo && see == See::kAll) return Sight::kWhole;
  if (access == Access::kSummary) return Sight::kSummary;
  return make_error(ErrorCode::kPermissionDenied, "job " + job.job_id + " was submitted by " +
                                                      job.submitted_by + "; " +
                                                      refused_text(action, access));
}

namespace {

Result<Principal> principal_of(const grpc::ServerContextBase& context) {
  std::vector<std::string> uris;
  for (const grpc::string_ref& uri : context.auth_context()->FindPropertyValues(kUriProperty))
    uris.emplace_back(uri.data(), uri.size());
  const auto name = name_from_uris(uris);
  if (!name) return name.error();
  Principal principal = tls_caller();
  principal.role = name->role;
  principal.certificate = name->uri();
  return principal;
}

}  // namespace

Result<Principal> Guard::named() const {
  Principal principal = connection_;
  if (!principal.is_local() || principal.uid == kNoUid) return principal;
  if (principal.uid == 0) {
    principal.user_name = "root";  // whatever state the user database is in
    return principal;
  }
  auto name = names_->name_of(principal.uid);
  // Only people are known by their name.
  const bool person = principal.role == Role::kUser || principal.role == Role::kOperator;
  if (!name && person) return name.error();
  principal.user_name = name && *name ? **name : "";
  return principal;
}

Result<Principal> Guard::admit_stream(const grpc::ServerContextBase& context, Action action) const {
  const bool tls = connection_.is_tls();
  Result<Principal> principal = tls ? principal_of(context) : named();
  const Result<void> allowed = principal ? authorize(*principal, action) : principal.error();
  if (allowed) return principal;
  if (tls || allowed.error().code == ErrorCode::kPermissionDenied)
    on_denied(context, principal ? *principal : connection_, action)(allowed.error());
  return allowed.error();
}

OnDenied Guard::on_denied(const grpc::ServerContextBase& context, const Principal& principal,
                          Action action) const {
  static const RefusalAudit audit;  // there is a guard for each connection
  return [principal, action, peer = connection_.is_local() ? "" : context.peer()](
             const Error& error) { audit.note(principal, action_name(action), peer, error); };
}

Result<Principal> Guard::admit(const grpc::ServerContextBase& context, Action action,
                               const google::protobuf::Message& request) const {
  Result<Principal> principal = admit_stream(context, action);
  if (!principal) return principal;
  if (auto good = check_request(request); !good) return good.error();
  return principal;
}

Result<ShareLease> Guard::take(Share share, const Principal& principal) const {
  if (shares_ == nullptr) return ShareLease();
  return rpc::admit_stream(*shares_, share, holder_of(principal));
}

Result<CallShare> Guard::take_call(const grpc::ServerContextBase& context,
                                   const Principal& principal, Action action,
                                   const google::protobuf::Message& request) const {
  Result<CallShare> share = CallShare();
  if (shares_ != nullptr) share = admit_call(shares_, holder_of(principal), request.ByteSizeLong());
  if (share) share->on_denied = on_denied(context, principal, action);
  return share;
}

Result<StreamShare> Guard::take_stream(const grpc::ServerContextBase& context, Share share,
                                       const Principal& principal, Action action) const {
  auto lease = take(share, principal);
  if (!lease) return lease.error();
  return StreamShare{std::move(*lease), on_denied(context, principal, action)};
}

std::vector<ShareUse> Guard::uses(const ShareHolder& holder) const {
  return shares_ == nullptr ? std::vector<ShareUse>() : shares_->uses(holder);
}

}  // namespace takt::rpc
