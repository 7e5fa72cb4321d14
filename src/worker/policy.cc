// SPDX-License-Identifier: Apache-2.0
#include "worker/policy.h"

#include <algorithm>

#include "base/limits.h"
#include "base/units.h"
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

// Whether the configuration speaks of this very user, and not by a pattern.
bool is_named(const std::string& user, const config::WorkerConfig& config) {
  return user == config.default_user ||
         std::find(config.users.begin(), config.users.end(), user) != config.users.end();
}

// Who acts as one of these has the fleet's keys, or acts as the scheduler here.
bool is_takts_own(const std::string& user, const config::WorkerConfig& config) {
  return user == "takt-scheduler" || user == "takt-worker" || user == config.scheduler_user;
}

// Whether jobs may run as a user of this name, as far as the name says it.
Result<void> check_user(const std::string& user, const config::WorkerConfig& config) {
  if (!config::matches_any(config.users, user))
    return denied("spec.user", "jobs may not run as \"" + user +
                                   "\" on this worker (users in [jobs] of worker.conf)");
  if (is_takts_own(user, config) && !is_named(user, config))
    return denied("spec.user", "\"" + user +
                                   "\" is a user of takt itself; jobs run as it only if users in "
                                   "[jobs] of worker.conf has its name");
  return {};
}

// Up to where the kernel follows it elsewhere: "." and ".." are not what a pattern speaks of.
bool plain_absolute(const std::string& path) {
  const std::string padded = path + "/";
  return path.starts_with('/') && padded.find("/./") == std::string::npos &&
         padded.find("/../") == std::string::npos;
}

bool is_trusted(const rpc::Caller& caller) {
  return caller.every_role || caller.role == rpc::Role::kOperator ||
         caller.role == rpc::Role::kScheduler;
}

Result<void> check_command(const JobSpec& spec, const config::WorkerConfig& config) {
  if (config.commands == std::vector<std::string>{"*"}) return {};
  const std::string why = " (commands in [jobs] of worker.conf)";
  if (!spec.script.empty())
    return denied("spec.script",
                  "this worker runs commands of its own list only, no scripts" + why);
  const std::string& path = spec.argv.front();
  if (!plain_absolute(path))
    return denied("spec.argv", "\"" + path +
                                   "\" is not accepted on this worker, which runs only commands "
                                   "by an absolute path without \".\" and \"..\"" +
                                   why);
  if (!config::matches_any(config.commands, path))
    return denied("spec.argv", "\"" + path + "\" may not be run on this worker" + why);
  return {};
}

Error above(const std::string& field, const std::string& asked, const std::string& most,
            const std::string& key) {
  return denied(field, asked + " is above what this worker gives; at most " + most +
                           " is accepted (" + key + " in [jobs] of worker.conf)");
}

std::string size_text(std::int64_t bytes) {
  return format_bytes(static_cast<std::uint64_t>(bytes));
}

Result<void> check_limits(const JobSpec& spec, const config::WorkerConfig& config) {
  const Resources& asked = spec.resources;
  const auto exceeds = [](std::int64_t value, std::int64_t most) {
    return most != 0 && value > most;
  };
  if (exceeds(asked.memory_bytes, config.memory_max_bytes))
    return above("spec.resources.memory_bytes", size_text(asked.memory_bytes),
                 size_text(config.memory_max_bytes), "memory_max");
  if (exceeds(asked.cpu_millicores, config.cpus_max_millicores))
    return above("spec.resources.cpu_millicores", std::to_string(asked.cpu_millicores),
                 std::to_string(config.cpus_max_millicores), "cpus_max");
  if (exceeds(asked.tasks, most_tasks(config)))
    return above("spec.resources.tasks", std::to_string(asked.tasks),
                 std::to_string(most_tasks(config)), "tasks_max");
  if (spec.run_time_limit && exceeds(spec.run_time_limit->count(), config.time_max.count()))
    return above("spec.run_time_limit", format_duration(*spec.run_time_limit),
                 format_duration(config.time_max), "time_max");
  return {};
}

}  // namespace

Result<void> may_start_directly(const rpc::Caller& caller, const config::WorkerConfig& config) {
  const bool conductor =
      caller.is_local() && caller.uid == rpc::kNoUid && caller.role == rpc::Role::kScheduler;
  if (conductor || config.direct == config::DirectStarts::kYes) return {};
  const std::string key = " (direct in [access] of worker.conf); submit the job to the scheduler";
  if (config.direct == config::DirectStarts::kNo)
    return make_error(ErrorCode::kPermissionDenied,
                      "this worker starts jobs of its schedulers only" + key);
  if (caller.is_local()) return {};
  return make_error(ErrorCode::kPermissionDenied,
                    "over TCP this worker starts jobs of its schedulers only" + key);
}

Result<std::string> decide_run_as(const rpc::Caller& caller, const JobSpec& spec,
                                  const config::WorkerConfig& config) {
  const bool trusted = is_trusted(caller);
  const bool own = caller.is_local() && caller.uid != 0 && caller.role != rpc::Role::kScheduler;
  if (!spec.user.empty() && !trusted && spec.user != caller.user_name)
    return denied("spec.user", "\"" + spec.user +
                                   "\" is not you; only operators may run jobs as "
                                   "somebody else");
  if (spec.user.empty() && own && caller.user_name.empty())
    return denied("spec.user", rpc::no_name(caller.uid));
  std::string user = spec.user;
  if (user.empty()) user = own ? caller.user_name : config.default_user;
  if (user == "root" && !config.allow_root) return no_root();
  if (auto allowed = check_user(user, config); !allowed) return allowed.error();
  return user;
}

Result<void> check_identity(const UserIdentity& identity, const config::WorkerConfig& config) {
  if (identity.uid == 0 && !config.allow_root) return no_root();
  if (auto allowed = check_user(identity.name, config); !allowed) return allowed;
  const bool system = identity.uid != 0 && identity.uid < limits::kSystemUidsBelow;
  if (system && !is_named(identity.name, config))
    return denied("spec.user", "\"" + identity.name + "\" is a system user (uid " +
                                   std::to_string(identity.uid) +
                                   "); jobs run as it only if users in [jobs] of worker.conf has "
                                   "its name");
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
  if (auto allowed = check_command(spec, config); !allowed) return allowed;
  return check_limits(spec, config);
}

Result<void> check_rights(const rpc::Caller& caller, const JobSpec& spec) {
  return is_trusted(caller) ? Result<void>() : check_for_user(spec);
}

std::int64_t most_tasks(const config::WorkerConfig& config) {
  return config.tasks_max == 0 ? limits::kTasksDefault : config.tasks_max;
}

void give_limits(JobSpec& spec, const config::WorkerConfig& config, bool tasks_limited) {
  const auto give = [](std::int64_t& asked, std::int64_t most) {
    if (asked == 0) asked = most;
  };
  give(spec.resources.memory_bytes, config.memory_max_bytes);
  give(spec.resources.cpu_millicores, config.cpus_max_millicores);
  give(spec.resources.tasks, tasks_limited ? most_tasks(config) : config.tasks_max);
  if (!spec.run_time_limit && config.time_max > microseconds(0))
    spec.run_time_limit = config.time_max;
}

}  // namespace takt::worker
