// SPDX-License-Identifier: Apache-2.0
// From a spec to the launch plan.
#include "worker/plan.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>
#include <string>
#include <vector>

#include "unit/job/specs.h"

namespace takt::worker {
namespace {

using Words = std::vector<std::string>;

class Plan : public testing::Test {
 protected:
  Plan() {
    identity_.name = "alice";
    identity_.uid = 1000;
    identity_.gid = 1001;
    identity_.groups = {1001, 27};
    identity_.home = "/home/alice";
    identity_.shell = "/bin/zsh";
    config_.name = "db-1";
    config_.output_cap_bytes = 5000;
  }
  attempt::LaunchPlan make() {
    auto plan = make_plan({.id = id_,
                           .spec = spec_,
                           .identity = identity_,
                           .config = config_,
                           .script_path = "/state/script",
                           .contact_path = "/state/contact.a",
                           .last_contact = BootTime(std::chrono::seconds(7))});
    TAKT_CHECK(plan.ok(), "%s", plan.error().message.c_str());
    return std::move(*plan);
  }
  std::map<std::string, std::string> environment() {
    std::map<std::string, std::string> variables;
    for (const std::string& line : make().environment) {
      const std::size_t equals = line.find('=');
      EXPECT_TRUE(variables.emplace(line.substr(0, equals), line.substr(equals + 1)).second)
          << line << " comes twice";
    }
    return variables;
  }

  AttemptId id_{Uuid::random(), 3};
  JobSpec spec_ = test::small_spec();
  UserIdentity identity_;
  config::WorkerConfig config_;
};

TEST_F(Plan, CarriesWhoWhatAndHow) {
  spec_ = test::full_spec();
  config_.free_min_bytes = 6000;
  const attempt::LaunchPlan plan = make();
  EXPECT_EQ(plan.job_id, id_.job_id.str());
  EXPECT_EQ(plan.attempt, 3U);
  EXPECT_EQ(plan.unit, "takt-job-" + id_.job_id.str() + ".3.scope");
  EXPECT_EQ(plan.uid, 1000U);
  EXPECT_EQ(plan.gid, 1001U);
  EXPECT_EQ(plan.groups, identity_.groups);
  EXPECT_EQ(plan.working_directory, "/srv");
  EXPECT_EQ(plan.stdin_data, spec_.stdin_data);
  EXPECT_EQ(plan.stop_signal, 2);
  EXPECT_EQ(plan.stop_target, attempt::StopTarget::kLeader);
  EXPECT_EQ(plan.grace, std::chrono::seconds(90));
  EXPECT_EQ(plan.output_cap_bytes, 4096U);
  EXPECT_EQ(plan.free_min_bytes, 6000U);
  EXPECT_FALSE(plan.journal);
  EXPECT_FALSE(plan.no_new_privs);
  EXPECT_EQ(plan.nice, -5);
  EXPECT_EQ(plan.umask, 027U);
  EXPECT_EQ(plan.run_time_limit, std::chrono::hours(2));
  EXPECT_TRUE(plan.count_paused);
  EXPECT_EQ(plan.lease, std::chrono::minutes(10));
  EXPECT_EQ(plan.contact_path, "/state/contact.a");
  EXPECT_EQ(plan.last_contact, BootTime(std::chrono::seconds(7)));
  EXPECT_EQ(plan.limits, (attempt::CgroupLimits{.memory_bytes = 512 << 20,
                                                .swap_bytes = 1 << 20,
                                                .oom_group = false,
                                                .tasks = 100,
                                                .cpu_millicores = 1500,
                                                .cpu_weight = 300,
                                                .io_weight = 50}));
  EXPECT_TRUE(attempt::encode_plan(plan).ok());
}

TEST_F(Plan, DefaultsBecomeValues) {
  const attempt::LaunchPlan plan = make();
  EXPECT_TRUE(plan.no_new_privs);
  EXPECT_EQ(plan.umask, 022U);
  EXPECT_EQ(plan.limits, attempt::CgroupLimits());
  EXPECT_FALSE(plan.run_time_limit);
  EXPECT_FALSE(plan.stdin_data);
  EXPECT_EQ(plan.output_cap_bytes, 5000U);
  EXPECT_FALSE(plan.free_min_bytes);
  EXPECT_TRUE(plan.journal);
  EXPECT_EQ(plan.working_directory, "");
  EXPECT_EQ(plan.fallback_directories, (Words{"/home/alice", "/"}));
  EXPECT_EQ(plan.stop_signal, 15);
  EXPECT_EQ(plan.stop_target, attempt::StopTarget::kAll);
}

TEST_F(Plan, AFolderThatIsAskedForHasNoSubstitute) {
  spec_.working_directory = "/srv";
  EXPECT_TRUE(make().fallback_directories.empty());
  spec_.working_directory.clear();
  identity_.home.clear();
  EXPECT_EQ(make().fallback_directories, Words{"/"});
}

TEST_F(Plan, TheJournalNeedsBothToWantIt) {
  struct Case {
    bool worker;
    std::optional<bool> job;
    bool written;
  };
  for (const Case& c : std::vector<Case>{{true, {}, true},
                                         {true, true, true},
                                         {true, false, false},
                                         {false, {}, false},
                                         {false, true, false}}) {
    config_.journal = c.worker;
    spec_.journal = c.job;
    EXPECT_EQ(make().journal, c.written) << c.worker << " " << c.job.has_value();
  }
}

TEST_F(Plan, TheEnvironmentIsBuiltFromNothing) {
  ASSERT_EQ(::setenv("TAKT_TEST_LEAK", "1", 1), 0);
  const auto variables = environment();
  ASSERT_EQ(::unsetenv("TAKT_TEST_LEAK"), 0);
  const std::map<std::string, std::string> expected{
      {"HOME", "/home/alice"},
      {"LOGNAME", "alice"},
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"SHELL", "/bin/zsh"},
      {"TAKT_ATTEMPT", "3"},
      {"TAKT_JOB_ID", id_.job_id.str()},
      {"TAKT_WORKER", "db-1"},
      {"USER", "alice"},
  };
  EXPECT_EQ(variables, expected);
}

TEST_F(Plan, TheSpecsVariablesWinOverOursButNotOverWhichJobItIs) {
  spec_.environment = {{"HOME", "/tmp"},         {"NEW", "a=b"},        {"USER", ""},
                       {"TAKT_JOB_ID", "false"}, {"TAKT_ATTEMPT", "9"}, {"TAKT_WORKER", "x"}};
  const auto variables = environment();
  EXPECT_EQ(variables.at("HOME"), "/tmp");
  EXPECT_EQ(variables.at("NEW"), "a=b");
  EXPECT_EQ(variables.at("USER"), "");
  EXPECT_EQ(variables.at("LOGNAME"), "alice");
  EXPECT_EQ(variables.at("TAKT_JOB_ID"), id_.job_id.str());
  EXPECT_EQ(variables.at("TAKT_ATTEMPT"), "3");
  EXPECT_EQ(variables.at("TAKT_WORKER"), "db-1");
}

TEST_F(Plan, AUserWithoutAShellGetsOne) {
  identity_.shell.clear();
  EXPECT_EQ(environment().at("SHELL"), "/bin/sh");
}

TEST_F(Plan, TheProgramIsSearchedInTheJobsOwnPath) {
  EXPECT_EQ(make().search_path, environment().at("PATH"));
  spec_.environment = {{"PATH", "/opt/bin:/bin"}};
  EXPECT_EQ(make().search_path, "/opt/bin:/bin");
}

TEST_F(Plan, AScriptIsAnArgumentOfItsInterpreter) {
  spec_.script = "#!/usr/bin/env -S python3 -u\nprint()\n";
  spec_.argv = {"one", "two words"};
  EXPECT_EQ(make().argv,
            (Words{"/usr/bin/env", "-S python3 -u", "/state/script", "one", "two words"}));
  spec_.script = "#!/bin/sh\n";
  spec_.argv.clear();
  EXPECT_EQ(make().argv, (Words{"/bin/sh", "/state/script"}));
}

TEST_F(Plan, AScriptWithoutAnInterpreterNamesItsField) {
  spec_.script = "#!sh\n";
  const auto plan = make_plan({.id = id_,
                               .spec = spec_,
                               .identity = identity_,
                               .config = config_,
                               .script_path = "/state/script"});
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().field, "spec.script");
}

TEST_F(Plan, TheJournalsIdentifierIsTheNameElseTheProgramAndNeverBare) {
  EXPECT_EQ(make().syslog_identifier, "takt/true");
  spec_.argv = {"uptime", "/x/y"};
  EXPECT_EQ(make().syslog_identifier, "takt/uptime");
  spec_.argv = {"/x/a\nb\x1b[2J"};
  EXPECT_EQ(make().syslog_identifier, "takt/a\\x0ab\\x1b[2J");
  spec_.argv = {std::string(1000, '\n')};
  EXPECT_LE(make().syslog_identifier.size(), 5 + limits::kNameMaxBytes);
  spec_.argv = {"uptime"};
  spec_.script = "#!/bin/sh\n";
  EXPECT_EQ(make().syslog_identifier, "takt/script");
  spec_.name = "sshd";
  EXPECT_EQ(make().syslog_identifier, "takt/sshd");
}

TEST_F(Plan, LimitsAreThoseOfServicesAndNoneIsForgotten) {
  const attempt::LaunchPlan plan = make();
  ASSERT_EQ(plan.rlimits.size(), static_cast<std::size_t>(RLIMIT_NLIMITS));
  for (const attempt::ResourceLimit& limit : plan.rlimits) {
    rlimit expected{};
    ASSERT_EQ(::prlimit(1, static_cast<__rlimit_resource>(limit.resource), nullptr, &expected), 0);
    if (limit.resource == RLIMIT_NOFILE) expected = {.rlim_cur = 1024, .rlim_max = 524288};
    EXPECT_EQ(limit.soft, expected.rlim_cur) << limit.resource;
    EXPECT_EQ(limit.hard, expected.rlim_max) << limit.resource;
    EXPECT_LE(limit.soft, limit.hard) << limit.resource;
    EXPECT_FALSE(limit.required) << "a host that grants less runs the job all the same";
  }
}

TEST(ScriptInterpreter, ReadsTheFirstLineAsTheKernelDoes) {
  struct Case {
    std::string script;
    Words words;
  };
  const std::vector<Case> cases{
      {"#!/bin/sh\necho\n", {"/bin/sh"}},
      {"#!/bin/sh", {"/bin/sh"}},
      {"#! /bin/sh\n", {"/bin/sh"}},
      {"#!\t /bin/sh \t\n", {"/bin/sh"}},
      {"#!/bin/sh -e\n", {"/bin/sh", "-e"}},
      {"#!/bin/sh  -e  x \n", {"/bin/sh", "-e  x"}},
      {"#!/bin/sh\r\necho\r\n", {"/bin/sh"}},
      {"#!/bin/sh -e\r\n", {"/bin/sh", "-e"}},
      {"#!/bin/sh -e", {"/bin/sh", "-e"}},
      {"#!/usr/bin/env -S python3 -u\n", {"/usr/bin/env", "-S python3 -u"}},
  };
  for (const Case& c : cases) EXPECT_EQ(script_interpreter(c.script).value(), c.words) << c.script;
}

TEST(ScriptInterpreter, RefusesWhatNamesNone) {
  for (const std::string& script :
       {std::string(), std::string("#"), std::string("#!"), std::string("#!\n/bin/sh"),
        std::string("#!  \r\n"), std::string("#!sh\n"), std::string("#!./sh\n"),
        std::string("echo\n#!/bin/sh\n"), std::string(" #!/bin/sh\n")}) {
    const auto words = script_interpreter(script);
    ASSERT_FALSE(words.ok()) << script;
    EXPECT_EQ(words.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(words.error().field, "spec.script");
    EXPECT_NE(words.error().message.find("absolute path"), std::string::npos);
  }
}

}  // namespace
}  // namespace takt::worker
