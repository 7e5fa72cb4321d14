// SPDX-License-Identifier: Apache-2.0
// Whom attempts run as, and what the configuration forbids.
#include "worker/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/job/specs.h"

namespace takt::worker {
namespace {

using rpc::Caller;
using rpc::Role;

Caller local(Role role, uid_t uid, const std::string& name, bool every_role = false) {
  return {.role = role,
          .every_role = every_role,
          .via = Via::kUnixSocket,
          .uid = uid,
          .gid = uid,
          .user_name = name};
}
Caller alice() { return local(Role::kUser, 1000, "alice"); }
Caller operator_bob() { return local(Role::kOperator, 1001, "bob"); }
Caller root() { return local(Role::kOperator, 0, "root", true); }
Caller scheduler() { return local(Role::kScheduler, 990, "takt-scheduler"); }
Caller nameless() { return local(Role::kUser, 4711, ""); }
// Root's own scheduler, as where both daemons run as root.
Caller root_scheduler() { return local(Role::kScheduler, 0, "root", true); }

config::WorkerConfig config() {
  config::WorkerConfig made;
  made.default_user = "takt-job";
  return made;
}

Result<std::string> decide(const Caller& caller, const std::string& user,
                           const config::WorkerConfig& config) {
  JobSpec spec = test::small_spec();
  spec.user = user;
  return decide_run_as(caller, spec, config);
}

constexpr const char* kDenied = "(denied)";

struct Case {
  const char* what;
  Caller caller;
  std::string asked;
  std::string runs_as;
};

TEST(DecideRunAs, ForEachKindOfCaller) {
  const std::vector<Case> cases{
      {"a user is themself", alice(), "", "alice"},
      {"a user may say so", alice(), "alice", "alice"},
      {"a user is nobody else", alice(), "bob", kDenied},
      {"nor the default user", alice(), "takt-job", kDenied},
      {"nor root", alice(), "root", kDenied},
      {"an operator is themself", operator_bob(), "", "bob"},
      {"an operator may ask for others", operator_bob(), "alice", "alice"},
      {"an operator is not root by asking", operator_bob(), "root", kDenied},
      {"root is the default user", root(), "", "takt-job"},
      {"root may ask for others", root(), "alice", "alice"},
      {"root is not root by asking", root(), "root", kDenied},
      {"the scheduler is the default user", scheduler(), "", "takt-job"},
      {"the scheduler asks for its users", scheduler(), "alice", "alice"},
      {"the scheduler asks for no root", scheduler(), "root", kDenied},
      {"a scheduler that runs as root is the same", root_scheduler(), "", "takt-job"},
      {"TCP is the default user", rpc::insecure_tcp_caller(), "", "takt-job"},
      {"TCP may ask for others", rpc::insecure_tcp_caller(), "alice", "alice"},
      {"TCP asks for no root", rpc::insecure_tcp_caller(), "root", kDenied},
      {"a uid without a name is no user", nameless(), "", kDenied},
      {"a uid without a name may ask for nobody", nameless(), "alice", kDenied},
  };
  for (const Case& c : cases) {
    const auto user = decide(c.caller, c.asked, config());
    EXPECT_EQ(user.ok() ? *user : kDenied, c.runs_as) << c.what;
    if (user.ok()) continue;
    EXPECT_EQ(user.error().code, ErrorCode::kPermissionDenied) << c.what;
    EXPECT_EQ(user.error().field, "spec.user") << c.what;
  }
}

TEST(DecideRunAs, ACallerWithoutANameIsToldSo) {
  const auto refused = decide(nameless(), "", config());
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("uid 4711 has no name"), std::string::npos)
      << refused.error().message;
  Caller renamed = nameless();
  renamed.user_name = "alice";
  EXPECT_EQ(decide(renamed, "", config()).value(), "alice") << "once it has one";
  Caller nameless_operator = nameless();
  nameless_operator.role = Role::kOperator;
  EXPECT_FALSE(decide(nameless_operator, "", config()).ok());
  EXPECT_EQ(decide(nameless_operator, "alice", config()).value(), "alice");
}

TEST(DecideRunAs, RootOnlyByAnExplicitLine) {
  config::WorkerConfig allowing = config();
  allowing.allow_root = true;
  EXPECT_EQ(decide(root(), "root", allowing).value(), "root");
  EXPECT_EQ(decide(operator_bob(), "root", allowing).value(), "root");
  EXPECT_FALSE(decide(alice(), "root", allowing).ok());
  EXPECT_EQ(decide(root(), "", allowing).value(), "takt-job") << "never by accident";
  const auto refused = decide(root(), "root", config());
  EXPECT_NE(refused.error().message.find("allow_root"), std::string::npos);
}

TEST(DecideRunAs, OnlyAsUsersThatTheConfigurationNames) {
  config::WorkerConfig few = config();
  few.users = {"batch-*", "alice"};
  EXPECT_EQ(decide(root(), "batch-7", few).value(), "batch-7");
  EXPECT_EQ(decide(alice(), "", few).value(), "alice");
  for (const auto& refused : {decide(operator_bob(), "", few), decide(root(), "bob", few),
                              decide(root(), "batch", few), decide(scheduler(), "", few)}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().field, "spec.user");
    EXPECT_NE(refused.error().message.find("users in [jobs]"), std::string::npos);
  }
  few.users.clear();
  EXPECT_FALSE(decide(alice(), "", few).ok()) << "no globs match nobody";
}

UserIdentity identity(const std::string& name, uid_t uid) {
  UserIdentity made;
  made.name = name;
  made.uid = uid;
  return made;
}

struct SystemUser {
  const char* name;
  uid_t uid;
  std::vector<std::string> users;
  bool allowed;
};

TEST(CheckIdentity, SystemUsersAndTaktsOwnMustBeNamedInFull) {
  const std::vector<SystemUser> cases{
      {"backup", 34, {"*"}, false},
      {"backup", 34, {"b*", "backu?"}, false},
      {"backup", 34, {"*", "backup"}, true},
      {"backup", 34, {"alice"}, false},
      {"alice", 999, {"*"}, false},
      {"alice", 1000, {"*"}, true},
      {"takt-job", 990, {"*"}, true},  // the default user
      {"takt-scheduler", 991, {"*"}, false},
      {"takt-scheduler", 991, {"takt-*"}, false},
      {"takt-scheduler", 991, {"takt-scheduler"}, true},
      {"takt-scheduler", 5000, {"*"}, false},
      {"takt-worker", 5001, {"*"}, false},
      {"conductor", 5002, {"*"}, false},  // has the scheduler's role here
      {"root", 0, {"*"}, true},           // by its own line
  };
  for (const SystemUser& c : cases) {
    config::WorkerConfig worker = config();
    worker.users = c.users;
    worker.scheduler_user = "conductor";
    worker.allow_root = true;
    const auto checked = check_identity(identity(c.name, c.uid), worker);
    EXPECT_EQ(checked.ok(), c.allowed) << c.name << " " << c.uid << " " << c.users.front();
    if (checked.ok()) continue;
    EXPECT_EQ(checked.error().code, ErrorCode::kPermissionDenied);
    EXPECT_NE(checked.error().message.find("users in [jobs]"), std::string::npos);
  }
}

TEST(DecideRunAs, AnOperatorIsNoUserOfTakt) {
  const auto refused = decide(operator_bob(), "takt-scheduler", config());
  ASSERT_FALSE(refused.ok()) << "its files hold the fleet's keys";
  EXPECT_NE(refused.error().message.find("users in [jobs]"), std::string::npos);
  config::WorkerConfig naming = config();
  naming.users = {"*", "takt-scheduler"};
  EXPECT_EQ(decide(operator_bob(), "takt-scheduler", naming).value(), "takt-scheduler");
}

TEST(CheckIdentity, RootByAnyNameNeedsTheLine) {
  config::WorkerConfig worker = config();
  EXPECT_TRUE(check_identity(identity("alice", 1000), worker).ok());
  const auto toor = check_identity(identity("toor", 0), worker);
  ASSERT_FALSE(toor.ok());
  EXPECT_EQ(toor.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(toor.error().field, "spec.user");
  worker.allow_root = true;
  EXPECT_TRUE(check_identity(identity("toor", 0), worker).ok());
  worker.users = {"root"};
  EXPECT_FALSE(check_identity(identity("toor", 0), worker).ok()) << "the name it has counts";
}

TEST(CheckSpec, RefusesEnvironmentThatIsDeniedByGlob) {
  config::WorkerConfig worker = config();
  worker.denied_environment = {"LD_*", "IFS"};
  JobSpec spec = test::small_spec();
  spec.environment = {{"LANG", "C"}, {"ALD_X", "1"}, {"ld_x", "1"}, {"IFSX", "1"}};
  EXPECT_TRUE(check_spec(spec, worker).ok());
  for (const char* name : {"LD_PRELOAD", "LD_", "IFS"}) {
    spec.environment = {{"LANG", "C"}, {name, "x"}};
    const auto verdict = check_spec(spec, worker);
    ASSERT_FALSE(verdict.ok()) << name;
    EXPECT_EQ(verdict.error().code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(verdict.error().field, "spec.environment");
    EXPECT_NE(verdict.error().message.find(name), std::string::npos);
  }
}

TEST(CheckSpec, RefusesAnOutputCapAboveItsOwn) {
  config::WorkerConfig worker = config();
  worker.output_cap_bytes = 1000;
  JobSpec spec = test::small_spec();
  for (const std::uint64_t cap : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}}) {
    spec.output_cap_bytes = cap;
    EXPECT_TRUE(check_spec(spec, worker).ok()) << cap;
  }
  for (const std::uint64_t cap : {std::uint64_t{1001}, ~std::uint64_t{0}}) {
    spec.output_cap_bytes = cap;
    const auto verdict = check_spec(spec, worker);
    ASSERT_FALSE(verdict.ok()) << cap;
    EXPECT_EQ(verdict.error().field, "spec.output_cap_bytes");
    EXPECT_NE(verdict.error().message.find(std::to_string(cap)), std::string::npos);
    EXPECT_NE(verdict.error().message.find("1000"), std::string::npos);
  }
}

void expect_denied(const JobSpec& spec, const config::WorkerConfig& worker,
                   const std::string& field, const std::string& part) {
  const auto verdict = check_spec(spec, worker);
  ASSERT_FALSE(verdict.ok()) << field << " " << part;
  EXPECT_EQ(verdict.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(verdict.error().field, field);
  EXPECT_NE(verdict.error().message.find(part), std::string::npos) << verdict.error().message;
}

TEST(CheckSpec, RunsOnlyCommandsOfItsList) {
  config::WorkerConfig worker = config();
  worker.commands = {"/usr/bin/rsync", "/srv/jobs/*"};
  JobSpec spec = test::small_spec();
  for (const char* path : {"/usr/bin/rsync", "/srv/jobs/a", "/srv/jobs/b/..c"}) {
    spec.argv = {path, "../x"};
    EXPECT_TRUE(check_spec(spec, worker).ok()) << path;
  }
  for (const char* path : {"/usr/bin/rsync2", "/bin/sh", "/srv/jobs"}) {
    spec.argv = {path};
    expect_denied(spec, worker, "spec.argv", path);
  }
  for (const char* path : {"rsync", "srv/jobs/a", "/srv/jobs/../../bin/sh", "/srv/jobs/.."}) {
    spec.argv = {path};
    expect_denied(spec, worker, "spec.argv", "absolute path");
  }
}

TEST(CheckSpec, TakesNoScriptsWhereCommandsAreListed) {
  config::WorkerConfig worker = config();
  JobSpec spec = test::small_spec();
  spec.script = "#!/bin/sh\n";
  spec.argv.clear();
  EXPECT_TRUE(check_spec(spec, worker).ok());
  for (const std::vector<std::string>& list : {std::vector<std::string>{"/*"}, {}}) {
    worker.commands = list;
    expect_denied(spec, worker, "spec.script", "no scripts");
  }
}

TEST(CheckSpec, RefusesWhatIsAboveItsLimits) {
  config::WorkerConfig worker = config();
  worker.memory_max_bytes = 64 << 20;
  worker.cpus_max_millicores = 1500;
  worker.tasks_max = 10;
  worker.time_max = std::chrono::hours(1);
  JobSpec spec = test::small_spec();
  EXPECT_TRUE(check_spec(spec, worker).ok()) << "it asks for none";
  spec.resources = {
      .cpu_millicores = 1500, .memory_bytes = 64 << 20, .swap_bytes = std::nullopt, .tasks = 10};
  spec.run_time_limit = std::chrono::hours(1);
  const JobSpec most = spec;
  EXPECT_TRUE(check_spec(most, worker).ok());
  ++spec.resources.memory_bytes;
  expect_denied(spec, worker, "spec.resources.memory_bytes", "at most 64M is accepted");
  spec = most;
  ++spec.resources.cpu_millicores;
  expect_denied(spec, worker, "spec.resources.cpu_millicores", "at most 1500");
  spec = most;
  ++spec.resources.tasks;
  expect_denied(spec, worker, "spec.resources.tasks", "at most 10");
  worker.tasks_max = 0;
  spec.resources.tasks = limits::kTasksDefault;
  EXPECT_TRUE(check_spec(spec, worker).ok());
  ++spec.resources.tasks;
  expect_denied(spec, worker, "spec.resources.tasks", "at most 4096");
  worker.tasks_max = 10;
  spec = most;
  *spec.run_time_limit += std::chrono::seconds(1);
  expect_denied(spec, worker, "spec.run_time_limit", "at most 1h");
}

TEST(GiveLimits, ToWhatAsksForNone) {
  config::WorkerConfig worker = config();
  JobSpec spec = test::small_spec();
  const JobSpec unlimited = spec;
  give_limits(spec, worker, false);
  EXPECT_EQ(spec, unlimited) << "without a pids controller";
  give_limits(spec, worker, true);
  EXPECT_EQ(spec.resources.tasks, limits::kTasksDefault);
  worker.memory_max_bytes = 64 << 20;
  worker.cpus_max_millicores = 1500;
  worker.tasks_max = 10;
  worker.time_max = std::chrono::hours(1);
  spec.resources.tasks = 3;
  give_limits(spec, worker, false);
  EXPECT_EQ(spec.resources.memory_bytes, 64 << 20);
  EXPECT_EQ(spec.resources.cpu_millicores, 1500);
  EXPECT_EQ(spec.resources.tasks, 3);
  EXPECT_EQ(spec.run_time_limit, std::chrono::hours(1));
  spec.resources.tasks = 0;
  give_limits(spec, worker, false);
  EXPECT_EQ(spec.resources.tasks, 10) << "one that is configured is never left out";
}

TEST(CheckRights, OfAUserAndOfOthers) {
  JobSpec spec = test::small_spec();
  spec.nice = -5;
  rpc::Caller caller;
  caller.role = rpc::Role::kUser;
  const auto refused = check_rights(caller, spec);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "spec.nice");
  for (const rpc::Role role : {rpc::Role::kOperator, rpc::Role::kScheduler}) {
    caller.role = role;
    EXPECT_TRUE(check_rights(caller, spec).ok());
  }
}

}  // namespace
}  // namespace takt::worker
