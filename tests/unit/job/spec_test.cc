// SPDX-License-Identifier: Apache-2.0
// Which specs are accepted, what a refusal says, whom constraints let through, how commands read.
#include "job/spec.h"

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "unit/job/specs.h"

namespace takt {
namespace {

using test::full_spec;
using test::small_spec;
using namespace std::chrono_literals;

const std::string kNul("a\0b", 3);

struct Refusal {
  const char* what;
  std::function<void(JobSpec&)> spoil;
  std::string field;
  std::vector<std::string> says;  // the value, and what is accepted
};

std::vector<Refusal> command_refusals() {
  return {
      {"no command", [](JobSpec& s) { s.argv.clear(); }, "spec.argv", {"empty", "command"}},
      {"too many arguments",
       [](JobSpec& s) { s.argv.assign(limits::kArgvMax + 1, "x"); },
       "spec.argv",
       {"4097", "at most 4096"}},
      {"NUL in an argument", [](JobSpec& s) { s.argv.push_back(kNul); }, "spec.argv[1]", {"NUL"}},
      {"empty program", [](JobSpec& s) { s.argv[0].clear(); }, "spec.argv[0]", {"empty"}},
      {"script without #!",
       [](JobSpec& s) { s.script = "echo hello\n"; },
       "spec.script",
       {"#!", "/bin/sh"}},
  };
}

std::vector<Refusal> name_refusals() {
  return {
      {"name",
       [](JobSpec& s) { s.name = "two words"; },
       "spec.name",
       {"\"two words\"", "1 to 128 letters"}},
      {"long name",
       [](JobSpec& s) { s.name.assign(limits::kNameMaxBytes + 1, 'n'); },
       "spec.name",
       {"1 to 128"}},
      {"newline in a name", [](JobSpec& s) { s.name = "a\n"; }, "spec.name", {"letters"}},
      {"NUL in the user", [](JobSpec& s) { s.user = kNul; }, "spec.user", {"NUL"}},
      {"NUL in the group", [](JobSpec& s) { s.group = kNul; }, "spec.group", {"NUL"}},
      {"relative folder",
       [](JobSpec& s) { s.working_directory = "srv/data"; },
       "spec.working_directory",
       {"\"srv/data\"", "\"/\""}},
      {"NUL in the folder",
       [](JobSpec& s) { s.working_directory = "/" + kNul; },
       "spec.working_directory",
       {"absolute path"}},
      {"label key", [](JobSpec& s) { s.labels["a b"] = "x"; }, "spec.labels", {"\"a b\""}},
      {"label value",
       [](JobSpec& s) { s.labels["team"] = "a b"; },
       "spec.labels.team",
       {"\"a b\""}},
      {"empty reader",
       [](JobSpec& s) {
         s.readers = {"bob", ""};
       },
       "spec.readers[1]",
       {"user's name"}},
      {"reader of two lines", [](JobSpec& s) { s.readers = {"a\nb"}; }, "spec.readers[0]", {}},
      {"reader that is not UTF-8", [](JobSpec& s) { s.readers = {"\xff"}; }, "spec.readers[0]", {}},
      {"too many readers",
       [](JobSpec& s) { s.readers.assign(limits::kReadersMax + 1, "bob"); },
       "spec.readers",
       {"65", "at most 64"}},
      {"too many labels",
       [](JobSpec& s) {
         for (std::size_t i = 0; i <= limits::kLabelsMax; ++i) s.labels["l" + std::to_string(i)];
       },
       "spec.labels",
       {"65", "at most 64"}},
  };
}

std::vector<Refusal> environment_refusals() {
  return {
      {"empty variable",
       [](JobSpec& s) {
         s.environment = {{"", "x"}};
       },
       "spec.environment",
       {"\"\"", "not be empty"}},
      {"= in a variable",
       [](JobSpec& s) {
         s.environment = {{"A=B", "x"}};
       },
       "spec.environment",
       {"\"A=B\"", "\"=\""}},
      {"NUL in a variable",
       [](JobSpec& s) {
         s.environment = {{kNul, "x"}};
       },
       "spec.environment",
       {"NUL"}},
      {"NUL in a value",
       [](JobSpec& s) {
         s.environment = {{"KEY", kNul}};
       },
       "spec.environment",
       {"KEY", "NUL"}},
      {"a variable twice",
       [](JobSpec& s) {
         s.environment = {{"KEY", "1"}, {"KEY", "2"}};
       },
       "spec.environment",
       {"KEY", "twice"}},
      {"too many variables",
       [](JobSpec& s) {
         for (std::size_t i = 0; i <= limits::kEnvironmentMax; ++i)
           s.environment.push_back({"V" + std::to_string(i), ""});
       },
       "spec.environment",
       {"4097", "at most 4096"}},
  };
}

std::vector<Refusal> other_refusals() {
  const auto only = [](Constraint constraint) {
    return [constraint](JobSpec& s) { s.constraints = {constraint}; };
  };
  return {
      {"signal below 1",
       [](JobSpec& s) { s.stop.signal = -1; },
       "spec.stop.signal",
       {"-1", "1 to " + std::to_string(SIGRTMAX)}},
      {"signal 0", [](JobSpec& s) { s.stop.signal = 0; }, "spec.stop.signal", {"0"}},
      {"signal too high",
       [](JobSpec& s) { s.stop.signal = SIGRTMAX + 1; },
       "spec.stop.signal",
       {std::to_string(SIGRTMAX + 1)}},
      {"negative grace", [](JobSpec& s) { s.stop.grace = -1us; }, "spec.stop.grace", {"24h"}},
      {"long grace", [](JobSpec& s) { s.stop.grace = 24h + 1us; }, "spec.stop.grace", {"24h"}},
      {"constraint key",
       only({"a b", ConstraintOperator::kExists, {}}),
       "spec.constraints.key",
       {"\"a b\""}},
      {"EQUAL without a value",
       only({"k", ConstraintOperator::kEqual, {}}),
       "spec.constraints.values",
       {"k", "0 values", "EQUAL"}},
      {"NOT_EQUAL with two",
       only({"k", ConstraintOperator::kNotEqual, {"a", "b"}}),
       "spec.constraints.values",
       {"2 values"}},
      {"IN with none",
       only({"k", ConstraintOperator::kIn, {}}),
       "spec.constraints.values",
       {"0 values", "IN one or more"}},
      {"EXISTS with one",
       only({"k", ConstraintOperator::kExists, {"a"}}),
       "spec.constraints.values",
       {"1 values", "EXISTS none"}},
      {"too many constraints",
       [](JobSpec& s) {
         s.constraints.assign(limits::kLabelsMax + 1, {"k", ConstraintOperator::kExists, {}});
       },
       "spec.constraints",
       {"65", "at most 64"}},
      {"too large",
       [](JobSpec& s) { s.stdin_data = std::string(limits::kSpecMaxBytes, 'x'); },
       "spec",
       {"at most 1048576", "stdin_data"}},
  };
}

void expect_refused(const std::vector<Refusal>& refusals) {
  for (const Refusal& refusal : refusals) {
    JobSpec spec = small_spec();
    refusal.spoil(spec);
    const Result<void> verdict = validate_spec(spec);
    ASSERT_FALSE(verdict.ok()) << refusal.what;
    EXPECT_EQ(verdict.error().code, ErrorCode::kInvalid) << refusal.what;
    EXPECT_EQ(verdict.error().field, refusal.field) << refusal.what;
    for (const std::string& part : refusal.says)
      EXPECT_NE(verdict.error().message.find(part), std::string::npos)
          << refusal.what << ": \"" << verdict.error().message << "\" does not say " << part;
  }
}

TEST(ValidateSpec, RefusesCommandsByFieldValueAndWhatIsAccepted) {
  expect_refused(command_refusals());
}
TEST(ValidateSpec, RefusesNamesByFieldValueAndWhatIsAccepted) { expect_refused(name_refusals()); }
TEST(ValidateSpec, RefusesEnvironmentsByFieldValueAndWhatIsAccepted) {
  expect_refused(environment_refusals());
}
TEST(ValidateSpec, RefusesTheRestByFieldValueAndWhatIsAccepted) {
  expect_refused(other_refusals());
}

TEST(ValidateSpec, AcceptsTheSmallestAndTheFullest) {
  EXPECT_TRUE(validate_spec(small_spec()).ok());
  const auto full = validate_spec(full_spec());
  EXPECT_TRUE(full.ok()) << full.error().message;
}

TEST(ValidateSpec, AcceptsWhatStandsAtTheBounds) {
  JobSpec spec = small_spec();
  spec.argv.assign(limits::kArgvMax, "");
  spec.argv[0] = "x";
  spec.name.assign(limits::kNameMaxBytes, 'n');
  spec.stop = {.signal = SIGRTMAX, .target = StopTarget::kAll, .grace = 24h};
  EXPECT_TRUE(validate_spec(spec).ok());
  spec.stop = {.signal = 1, .target = StopTarget::kAll, .grace = 0us};
  EXPECT_TRUE(validate_spec(spec).ok());
}

TEST(ValidateSpec, TheWholeSpecMayFillItsLimitToTheByte) {
  JobSpec spec = small_spec();
  spec.stdin_data = "";
  spec.stdin_data->assign(limits::kSpecMaxBytes - encode_spec(spec).size(), 'x');
  EXPECT_TRUE(validate_spec(spec).ok());
  spec.stdin_data->push_back('x');
  EXPECT_FALSE(validate_spec(spec).ok());
}

TEST(ValidateSpec, AScriptMayHaveNoArgumentsAndEmptyOnes) {
  JobSpec spec;
  spec.script = "#!/bin/sh\n";
  EXPECT_TRUE(validate_spec(spec).ok());
  spec.argv = {""};
  EXPECT_TRUE(validate_spec(spec).ok());
}

TEST(ConstraintsHold, ForEveryOperatorAndLabel) {
  const Labels labels{{"role", "db"}, {"empty", ""}};
  struct Case {
    Constraint constraint;
    bool holds;
  };
  const std::vector<Case> cases{
      {{"role", ConstraintOperator::kEqual, {"db"}}, true},
      {{"role", ConstraintOperator::kEqual, {"web"}}, false},
      {{"role", ConstraintOperator::kEqual, {"d"}}, false},
      {{"zone", ConstraintOperator::kEqual, {"db"}}, false},
      {{"zone", ConstraintOperator::kEqual, {""}}, false},
      {{"empty", ConstraintOperator::kEqual, {""}}, true},
      {{"role", ConstraintOperator::kNotEqual, {"db"}}, false},
      {{"role", ConstraintOperator::kNotEqual, {"web"}}, true},
      {{"zone", ConstraintOperator::kNotEqual, {"db"}}, true},
      {{"role", ConstraintOperator::kIn, {"web", "db"}}, true},
      {{"role", ConstraintOperator::kIn, {"web", "mail"}}, false},
      {{"zone", ConstraintOperator::kIn, {"web", ""}}, false},
      {{"role", ConstraintOperator::kExists, {}}, true},
      {{"empty", ConstraintOperator::kExists, {}}, true},
      {{"zone", ConstraintOperator::kExists, {}}, false},
  };
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(constraints_hold({cases[i].constraint}, labels), cases[i].holds) << "case " << i;
}

TEST(ConstraintsHold, OnlyIfAllDo) {
  const Labels labels{{"role", "db"}};
  const Constraint good{"role", ConstraintOperator::kEqual, {"db"}};
  const Constraint bad{"zone", ConstraintOperator::kExists, {}};
  EXPECT_TRUE(constraints_hold({}, labels));
  EXPECT_TRUE(constraints_hold({good, good}, labels));
  EXPECT_FALSE(constraints_hold({good, bad}, labels));
  EXPECT_FALSE(constraints_hold({bad, good}, labels));
}

std::string line_of(std::vector<std::string> argv, const std::string& script = "") {
  JobSpec spec;
  spec.argv = std::move(argv);
  spec.script = script;
  return command_line(spec);
}

TEST(CommandLine, QuotesAsAShellWouldReadItBack) {
  EXPECT_EQ(line_of({"/usr/bin/env", "A=1", "--x=a,b", "50%"}), "/usr/bin/env A=1 --x=a,b 50%");
  EXPECT_EQ(line_of({"sh", "-c", "echo hello; exit 3"}), "sh -c 'echo hello; exit 3'");
  EXPECT_EQ(line_of({"echo", ""}), "echo ''");
  EXPECT_EQ(line_of({"", "x"}), "'' x");
  EXPECT_EQ(line_of({"echo", "it's"}), "echo 'it'\\''s'");
  EXPECT_EQ(line_of({"echo", "$HOME", "`id`", "a\\b", "*"}), "echo '$HOME' '`id`' 'a\\b' '*'");
}

TEST(CommandLine, NamesAScriptAndItsArguments) {
  EXPECT_EQ(line_of({}, "#!/bin/sh\n"), "(script)");
  EXPECT_EQ(line_of({"one", "two words"}, "#!/bin/sh\n"), "(script) one 'two words'");
}

TEST(ValidateSpec, OfResourcesNamesTheFieldAndTheValue) {
  struct Case {
    std::function<void(JobSpec&)> spoil;
    std::string field;
    std::string says;
  };
  const std::vector<Case> cases{
      {[](JobSpec& spec) { spec.resources.cpu_millicores = 9; }, "spec.resources.cpu_millicores",
       "9"},
      {[](JobSpec& spec) { spec.resources.memory_bytes = 4096; }, "spec.resources.memory_bytes",
       "4096"},
      {[](JobSpec& spec) { spec.resources.memory_bytes = -1; }, "spec.resources.memory_bytes",
       "-1"},
      {[](JobSpec& spec) { spec.resources.swap_bytes = 0; }, "spec.resources.swap_bytes",
       "without a memory limit"},
      {[](JobSpec& spec) { spec.resources.tasks = limits::kTasksMax + 1; }, "spec.resources.tasks",
       "4194305"},
      {[](JobSpec& spec) { spec.cpu_weight = 10001; }, "spec.cpu_weight", "10001"},
      {[](JobSpec& spec) { spec.io_weight = -2; }, "spec.io_weight", "-2"},
      {[](JobSpec& spec) { spec.run_time_limit = microseconds(0); }, "spec.run_time_limit", "0"},
      {[](JobSpec& spec) { spec.run_time_limit = std::chrono::hours(24 * 366); },
       "spec.run_time_limit", "366d"},
      {[](JobSpec& spec) { spec.count_paused = true; }, "spec.count_paused",
       "without a run time limit"},
      {[](JobSpec& spec) { spec.lease = std::chrono::seconds(9); }, "spec.lease", "9s"},
      {[](JobSpec& spec) { spec.lease = std::chrono::hours(24 * 366); }, "spec.lease", "366d"},
      {[](JobSpec& spec) { spec.nice = 20; }, "spec.nice", "20"},
      {[](JobSpec& spec) { spec.umask = 01000; }, "spec.umask", "512"},
  };
  for (const Case& c : cases) {
    JobSpec spec = test::small_spec();
    c.spoil(spec);
    const Result<void> checked = validate_spec(spec);
    ASSERT_FALSE(checked.ok()) << c.field;
    EXPECT_EQ(checked.error().field, c.field);
    EXPECT_NE(checked.error().message.find(c.says), std::string::npos) << checked.error().message;
  }
  EXPECT_TRUE(validate_spec(test::full_spec()).ok());
}

TEST(CheckForUser, WhatCostsAllOtherJobsIsForOperators) {
  JobSpec spec = test::small_spec();
  spec.nice = 19;
  spec.cpu_weight = spec.io_weight = 100;
  EXPECT_TRUE(check_for_user(spec).ok());
  const auto refused = [](const std::function<void(JobSpec&)>& ask) {
    JobSpec asked = test::small_spec();
    ask(asked);
    const Result<void> verdict = check_for_user(asked);
    EXPECT_FALSE(verdict.ok());
    if (verdict.ok()) return std::string();
    EXPECT_EQ(verdict.error().code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(verdict.error().message.rfind(verdict.error().field, 0), 0U);
    return verdict.error().message;
  };
  EXPECT_EQ(refused([](JobSpec& asked) { asked.nice = -1; }),
            "spec.nice: -1 is for operators only, as it costs all other jobs; 0 to 19 is accepted");
  EXPECT_EQ(refused([](JobSpec& asked) { asked.cpu_weight = 101; }).substr(0, 20),
            "spec.cpu_weight: 101");
  EXPECT_EQ(refused([](JobSpec& asked) { asked.io_weight = 10000; }).substr(0, 21),
            "spec.io_weight: 10000");
}

TEST(StoredBytes, CountEveryTextOfASpec) {
  const std::string text(1000, 'x');
  const std::vector<std::function<void(JobSpec&)>> additions{
      [&](JobSpec& s) { s.name += text; },
      [&](JobSpec& s) { s.argv.push_back(text); },
      [&](JobSpec& s) { s.script += text; },
      [&](JobSpec& s) { s.stdin_data = s.stdin_data.value_or("") + text; },
      [&](JobSpec& s) {
        s.environment.push_back({text, ""});
      },
      [&](JobSpec& s) {
        s.environment.push_back({"NAME", text});
      },
      [&](JobSpec& s) { s.working_directory += text; },
      [&](JobSpec& s) { s.user += text; },
      [&](JobSpec& s) { s.group += text; },
      [&](JobSpec& s) { s.constraints.push_back({.key = text, .values = {}}); },
      [&](JobSpec& s) { s.constraints.push_back({.key = "", .values = {text}}); },
      [&](JobSpec& s) { s.labels[text] = ""; },
      [&](JobSpec& s) { s.labels["key"] = text; },
      [&](JobSpec& s) { s.resources.counted[text] = 1; },
      [&](JobSpec& s) { s.readers.push_back(text); },
  };
  const JobSpec spec = full_spec();
  for (std::size_t at = 0; at < additions.size(); ++at) {
    JobSpec larger = spec;
    additions[at](larger);
    EXPECT_GE(stored_bytes(larger), stored_bytes(spec) + text.size()) << at;
  }
}

}  // namespace
}  // namespace takt
