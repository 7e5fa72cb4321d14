// SPDX-License-Identifier: Apache-2.0
// What takt accepts on its command line, and how it refuses the rest.
#include <gtest/gtest.h>
#include <signal.h>

#include "base/limits.h"
#include "cli/invocation.h"
#include "cli/spec_options.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/golden.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

// A call that must not reach a scheduler.
Ran refused(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--address", "unix:/nowhere/s.sock"});
  return ProgramRun().run(arguments);
}

v1::JobSpec submitted(const std::vector<std::string>& arguments) {
  FakeScheduler scheduler;
  ProgramRun program;
  program.environment["HERE"] = "from here";
  std::vector<std::string> all = {"submit", "--address", scheduler.address()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Ran ran = program.run(all);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out, std::string(kJobId) + "\n");
  EXPECT_EQ(ran.code, 0);
  if (scheduler.submits.empty()) return {};
  EXPECT_EQ(scheduler.submits.front().request_id().size(), 36U);
  return scheduler.submits.front().spec();
}

TEST(Options, SayWhatTheJobMayUse) {
  const v1::JobSpec spec = submitted({"--memory",
                                      "512M",
                                      "--swap",
                                      "1M",
                                      "--cpus",
                                      "1.5",
                                      "--tasks",
                                      "100",
                                      "--oom",
                                      "process",
                                      "--time",
                                      "2h",
                                      "--count-paused",
                                      "--lease",
                                      "10min",
                                      "--cpu-weight",
                                      "300",
                                      "--io-weight",
                                      "50",
                                      "--nice",
                                      "-5",
                                      "--umask",
                                      "027",
                                      "--allow-new-privileges",
                                      "--",
                                      "prog"});
  EXPECT_EQ(spec.resources().memory_bytes(), std::int64_t{512} << 20);
  EXPECT_EQ(spec.resources().swap_bytes(), std::int64_t{1} << 20);
  EXPECT_EQ(spec.resources().cpu_millicores(), 1500);
  EXPECT_EQ(spec.resources().tasks(), 100);
  EXPECT_EQ(spec.oom_policy(), v1::OOM_POLICY_PROCESS);
  EXPECT_EQ(spec.run_time_limit().seconds(), 7200);
  EXPECT_TRUE(spec.count_paused());
  EXPECT_EQ(spec.lease().seconds(), 600);
  EXPECT_EQ(spec.cpu_weight(), 300);
  EXPECT_EQ(spec.io_weight(), 50);
  EXPECT_EQ(spec.nice(), -5);
  EXPECT_EQ(spec.umask(), 027U);
  EXPECT_TRUE(spec.allow_new_privileges());
}

TEST(Options, OfResourcesAreRefusedByName) {
  struct Case {
    std::vector<std::string> options;
    std::string says;
  };
  const std::vector<Case> cases{
      {{"--memory", "lots"}, "--memory: \"lots\""},
      {{"--memory", "0"}, "--memory: \"0\" is not above 0; leave it out for no limit"},
      {{"--memory", "1K"}, "--memory: 1024 is not from 1048576"},
      {{"--swap", "1M"}, "--swap: is given without a memory limit"},
      {{"--cpus", "0.001"}, "--cpus: 1 is not from 10"},
      {{"--tasks", "0"}, "--tasks: \"0\""},
      {{"--oom", "none"}, "--oom: \"none\" is not known; write job or process"},
      {{"--time", "soon"}, "--time: \"soon\""},
      {{"--count-paused"}, "--count-paused: is given without a run time limit"},
      {{"--lease", "never"}, "--lease: \"never\""},
      {{"--lease", "9s"}, "--lease: 9s is not from 10s"},
      {{"--cpu-weight", "10001"}, "--cpu-weight: \"10001\""},
      {{"--nice", "20"}, "--nice: \"20\""},
      {{"--umask", "888"}, "--umask: \"888\" is not a mask; write it as chmod does, 027"},
      {{"--umask", "7777"}, "--umask: \"7777\" is not a mask"}};
  for (const Case& c : cases) {
    std::vector<std::string> arguments{"submit"};
    arguments.insert(arguments.end(), c.options.begin(), c.options.end());
    arguments.insert(arguments.end(), {"--", "true"});
    const Ran ran = refused(arguments);
    EXPECT_EQ(ran.code, 2) << c.says;
    EXPECT_NE(ran.err.find(c.says), std::string::npos) << ran.err;
  }
}

TEST(Options, MakeTheWholeSpec) {
  const v1::JobSpec spec = submitted({"--name",     "nightly",  "--user=backup", "--group",
                                      "db",         "-D",       "/srv",          "-E",
                                      "A=1",        "-EB=2=3",  "--env",         "HERE",
                                      "--on",       "role=db",  "--on",          "zone=a,b",
                                      "--on",       "old!=yes", "--on",          "gpu",
                                      "--label",    "team=db",  "--stop-signal", "SIGINT",
                                      "--reader",   "bob",      "--reader",      "takt://user/c",
                                      "--stop-to",  "leader",   "--grace",       "1min",
                                      "--launcher", "cgroup",   "--no-journal",  "--output-cap",
                                      "2M",         "--",       "prog",          "--name",
                                      "x"});
  EXPECT_EQ(spec.name(), "nightly");
  EXPECT_EQ(spec.user(), "backup");
  EXPECT_EQ(spec.group(), "db");
  EXPECT_EQ(spec.working_directory(), "/srv");
  ASSERT_EQ(spec.environment_size(), 3);
  EXPECT_EQ(spec.environment(1).value(), "2=3");
  EXPECT_EQ(spec.environment(2).value(), "from here");
  ASSERT_EQ(spec.constraints_size(), 4);
  EXPECT_EQ(spec.constraints(0).operator_(), v1::CONSTRAINT_OPERATOR_EQUAL);
  EXPECT_EQ(spec.constraints(1).operator_(), v1::CONSTRAINT_OPERATOR_IN);
  EXPECT_EQ(spec.constraints(1).values_size(), 2);
  EXPECT_EQ(spec.constraints(2).operator_(), v1::CONSTRAINT_OPERATOR_NOT_EQUAL);
  EXPECT_EQ(spec.constraints(2).key(), "old");
  EXPECT_EQ(spec.constraints(3).operator_(), v1::CONSTRAINT_OPERATOR_EXISTS);
  EXPECT_EQ(spec.labels().at("team"), "db");
  ASSERT_EQ(spec.readers_size(), 2);
  EXPECT_EQ(spec.readers(1), "takt://user/c");
  EXPECT_EQ(spec.stop().signal(), SIGINT);
  EXPECT_EQ(spec.stop().target(), v1::STOP_TARGET_LEADER);
  EXPECT_EQ(spec.stop().grace().seconds(), 60);
  EXPECT_EQ(spec.launcher(), v1::LAUNCHER_CGROUP);
  EXPECT_FALSE(spec.journal());
  EXPECT_TRUE(spec.has_journal());
  EXPECT_EQ(spec.output_cap_bytes(), 2 << 20);
  ASSERT_EQ(spec.argv_size(), 3);
  EXPECT_EQ(spec.argv(1), "--name");
  EXPECT_FALSE(spec.has_stdin_data());
}

TEST(Options, TheCommandBeginsAtTheFirstWord) {
  const v1::JobSpec spec = submitted({"-n", "--name", "x", "echo", "-n", "--", "--name"});
  ASSERT_EQ(spec.argv_size(), 4);
  EXPECT_EQ(spec.argv(0), "echo");
  EXPECT_EQ(spec.argv(2), "--");
  EXPECT_EQ(spec.name(), "x");
}

struct Refusal {
  std::vector<std::string> arguments;
  int code;
  std::string text;
};

TEST(Options, BadOnesAreRefusedByNameWithWhatIsAccepted) {
  const std::vector<Refusal> refusals = {
      {{"submit"}, 2, "takt: submit: the command: is empty; give a command, or a script."},
      {{"run"}, 125, "takt: run: the command: is empty"},
      {{"run", "--", ""}, 125, "the command: is empty; give a program."},
      {{"submit", "--grace", "soon", "--", "x"}, 2, "--grace: \"soon\" is not a time span; write"},
      {{"submit", "--grace", "25h", "--", "x"}, 2, "--grace: \"25h\" is too long; up to 24h"},
      {{"submit", "--output-cap", "much", "x"}, 2, "--output-cap: \"much\" is not a size; write"},
      {{"submit", "--output-cap", "0", "x"}, 2, "--output-cap: \"0\" is not above 0"},
      {{"submit", "--stop-signal", "TREM", "x"}, 2, "--stop-signal: \"TREM\" is not a signal"},
      {{"submit", "--stop-signal", "65", "x"}, 2, "--stop-signal: \"65\" is not a whole number"},
      {{"submit", "--stop-to", "both", "x"}, 2, "--stop-to: \"both\" is not known; write all or"},
      {{"submit", "--launcher", "docker", "x"}, 2, "--launcher: \"docker\" is not known; write"},
      {{"submit", "--on", "=a", "x"}, 2, "--on: \"=a\" is not a condition; write KEY=VALUE"},
      {{"submit", "--on", "a!=b,c", "x"}, 2, "--on: \"a!=b,c\" excludes several values at once"},
      {{"submit", "--label", "team", "x"}, 2, "--label: \"team\" is not KEY=VALUE"},
      {{"submit", "--label", "a=1", "--label", "a=2", "x"}, 2, "--label: \"a\" is given twice"},
      {{"submit", "-E", "NOT_SET", "x"}, 2, "--env: \"NOT_SET\" is not set here; set it, or"},
      {{"submit", "-E", "=v", "x"}, 2, "--env: \"\" is not a variable's name"},
      {{"submit", "-D", "rel", "x"}, 2, "--chdir: \"rel\" is not an absolute path"},
      {{"submit", "--name", "a b", "x"}, 2, "--name: \"a b\" is not a name"},
      {{"submit", "--script", "/nowhere"}, 2, "--script: open /nowhere: No such file or directory"},
      {{"submit", "--", "\xff"}, 2, "the command: word 1 (\"?\") is not UTF-8"},
      {{"submit", "--bogus", "--", "x"}, 2, "submit: \"--bogus\" is not an option or argument of"},
      {{"submit", "--name"}, 2, "--name takes one value"},
      {{"submit", "--name", "a", "--name", "b", "x"}, 2, "--name takes one value"},
      {{"list", "more"}, 2, "list: \"more\" is not an option or argument of list. See takt list"},
      {{"list", "--state", "dead"}, 2, "--state: \"dead\" is not a state; write one of queued,"},
      {{"logs"}, 2, "logs: name at least one JOB. See takt logs --help."},
      {{"logs", "a", "b"}, 2, "logs: takes at most 1 of JOB, not 2."},
      {{"logs", "--stream", "both", "a"}, 2, "--stream: \"both\" is not known; write stdout or"},
      {{"logs", "--attempt", "0", "a"}, 2, "--attempt: \"0\" is not a whole number from 1"},
      {{"stop"}, 2, "stop: name at least one JOB"},
      {{"stop", "--grace", "x", "a"}, 2, "--grace: \"x\" is not a time span"},
      {{"stop", "--reason", std::string(1025, 'x'), "a"}, 2, "--reason: takes up to 1024 bytes"},
      {{"wait"}, 125, "wait: name at least one JOB"},
      {{"status", ""}, 2, "status: an empty word names no job"},
      {{"list", "--timeout", "0"}, 2, "--timeout: \"0\" is not between 1ms and 24h"},
      {{"frobnicate"}, 2, "takt: \"frobnicate\" is not a verb of takt. takt --help shows the"},
  };
  for (const Refusal& refusal : refusals) {
    const Ran ran = refused(refusal.arguments);
    EXPECT_EQ(ran.code, refusal.code) << refusal.text;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find(refusal.text), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find('\n'), ran.err.size() - 1) << "one line: " << ran.err;
  }
}

TEST(Options, SignalsHaveNamesAndNumbers) {
  EXPECT_EQ(*parse_signal("TERM", "s"), SIGTERM);
  EXPECT_EQ(*parse_signal("SIGKILL", "s"), SIGKILL);
  EXPECT_EQ(*parse_signal("10", "s"), 10);
  EXPECT_EQ(*parse_signal("RTMIN+3", "s"), SIGRTMIN + 3);
  EXPECT_EQ(*parse_signal("RTMAX", "s"), SIGRTMAX);
  for (const char* wrong : {"", "term", "0", "-1", "99", "SIG"})
    EXPECT_FALSE(parse_signal(wrong, "s").ok()) << wrong;
}

TEST(Options, FieldsOfTheApiAreNamedAsOptions) {
  EXPECT_EQ(option_of_field("spec.argv[2]"), "the command");
  EXPECT_EQ(option_of_field("spec.labels.team"), "--label");
  EXPECT_EQ(option_of_field("spec.resources"), "");
  Error error = invalid("spec.working_directory", "\"x\" is not an absolute path");
  EXPECT_EQ(refusal_text("can't submit the job", error),
            "can't submit the job: --chdir: \"x\" is not an absolute path.");
}

TEST(Help, OverviewShowsTheVerbsInGroups) {
  for (const std::vector<std::string>& way :
       {std::vector<std::string>{}, {"--help"}, {"-h"}, {"help"}}) {
    const Ran ran = ProgramRun().run(way);
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err, "");
    expect_golden("help.txt", ran.out);
  }
}

TEST(Help, EachVerbShowsExamplesFirst) {
  for (const Verb* verb : verbs()) {
    const std::string name(verb->name);
    const Ran ran = ProgramRun().run({name, "--help"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out, ProgramRun().run({"help", name}).out);
    EXPECT_LT(ran.out.find("\n  takt " + name), ran.out.find("Usage:"));
    expect_golden("help_" + name + ".txt", ran.out);
  }
}

TEST(Help, Version) {
  const Ran ran = ProgramRun().run({"--version"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out.substr(0, 5), "takt ");
}

}  // namespace
}  // namespace takt::cli
