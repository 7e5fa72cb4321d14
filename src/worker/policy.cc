// SPDX-License-Identifier: Apache-2.0
#include "worker/policy.h"

#include "config/glob.h"

namespace takt::worker {
namespace {

Error denied(std::string field, std::string message) {
  Error error = make_error(ErrorCode::kPermissionDenied, field + ": " + message);
  error.field = std::move(field);
  return error;
}

Error no_root() {
  return denied("spec.user",
                "this worker runs no jobs as root; ask for another user, or let its operator set "
                "allow_root = yes in [jobs] of worker.conf");
}

}  // namespace

Result<std::string> decide_run_as(const rpc::Caller& caller, const JobSpec& spec,
                                  const config::WorkerConfig& config) {
  const bool trusted = caller.every_role || caller.role == rpc::Role::kOperator ||
                       caller.role == rpc::Role::kScheduler;
  const bool own = caller.local && caller.uid != 0 && !caller.user_name.empty();
  if (!spec.user.empty() && !trusted && spec.user != caller.user_name)
    return denied("spec.user", "\"" + spec.user +
                                   "\" is not you; only operators may run jobs as "
                                   "somebody else");
  std::string user = spec.user;
  if (user.empty())
    user = own && caller.role != rpc::Role::kScheduler ? caller.user_name : config.default_user;
  if (user == "root" && !config.allow_root) return no_root();
  if (!config::matches_any(config.users, user))
    return denied("spec.user", "jobs may not run as \"" + user +
                                   "\" on this worker (users in [jobs] of worker.conf)");
  return user;
}

Result<void> check_identity(const UserIdentity& identity, const config::WorkerConfig& config) {
  if (identity.uid == 0 && !config.allow_root) return no_root();
  if (!config::matches_any(config.users, identity.name))
    return denied("spec.user", "jobs may not run as \"" + identity.name +
                                   "\" on this worker (users in [jobs] of worker.conf)");
  return {};
}

Result<void> check_spec(const JobSpec& spec, const config::WorkerConfig& config) {
  for (const EnvironmentVariable& variable : spec.environment)
    if (config::matches_any(config.denied_environment, variable.name))
      return denied("spec.environment", variable.name +
                                            " may not be set on this worker (denied_environment "
                                            "in [jobs] of worker.conf)");
  const auto most = static_cast<std::uint64_t>(config.output_cap_bytes);
  if (spec.output_cap_bytes > most)
    return denied("spec.output_cap_bytes", std::to_string(spec.output_cap_bytes) +
                                               " is above what this worker keeps; at most " +
                                               std::to_string(most) + " are accepted");
  return {};
}

}  // namespace takt::worker
