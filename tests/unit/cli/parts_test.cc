// SPDX-License-Identifier: Apache-2.0
// Jobs of many parts, jobs that wait for others, and jobs by label, as the command line has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "rpc/status.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

using Words = std::vector<std::string>;

class PartsVerbsTest : public testing::Test {
 protected:
  Ran takt(const std::string& verb, Words arguments) {
    arguments.insert(arguments.begin(), {verb, "--address", scheduler.address()});
    return ProgramRun().run(arguments);
  }
  static v1::Job part(int index, const std::string& worker, int code) {
    v1::Job job;
    job.set_job_id("aaaaaaaa-0000-4000-8000-00000000000" + std::to_string(index));
    job.set_part_of(kJobId);
    job.set_part_index(index);
    job.set_part_worker(worker);
    job.set_state(code == 0 ? v1::JOB_STATE_SUCCEEDED : v1::JOB_STATE_FAILED);
    *job.mutable_end() = exited(code);
    return job;
  }
  static v1::JobEnd parts_ended(int total, int failed) {
    v1::JobEnd end;
    end.set_cause(v1::END_CAUSE_PARTS_ENDED);
    end.set_parts_total(total);
    end.set_parts_failed(failed);
    end.set_message(std::to_string(failed) + " of " + std::to_string(total) +
                    " parts did not succeed");
    return end;
  }
  static Words sorted_lines(const std::string& text) {
    Words lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  FakeScheduler scheduler;
};

TEST_F(PartsVerbsTest, RunShowsEachLineBehindItsPartAndExitsWithTheWorst) {
  scheduler.out = "one\ntwo";
  scheduler.listed = {part(2, "", 4), part(1, "", 9), part(0, "", 0)};  // newest first
  scheduler.end_job(parts_ended(3, 2));
  const Ran ran = takt("run", {"--array", "3%2", "--", "true"});
  EXPECT_EQ(ran.code, 9) << ran.err;
  EXPECT_EQ(sorted_lines(ran.out),
            (Words{"0: one", "0: two", "1: one", "1: two", "2: one", "2: two"}));
  EXPECT_NE(ran.err.find("takt: 1: exited with code 9.\ntakt: 2: exited with code 4.\n"),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("job 6f0b2c1e: 2 of 3 parts did not succeed."), std::string::npos);
  EXPECT_EQ(scheduler.submits.at(0).spec().array().count(), 3);
  EXPECT_EQ(scheduler.submits.at(0).spec().array().max_running(), 2);
  EXPECT_EQ(scheduler.lists.at(0).part_of(), kJobId);
}

TEST_F(PartsVerbsTest, RunOnAllWorkersNamesThem) {
  scheduler.out = "up\n";
  scheduler.listed = {part(1, "web-2", 0), part(0, "web-1", 0)};
  scheduler.end_job(parts_ended(2, 0));
  const Ran ran = takt("run", {"--all", "--on", "role=web", "--", "uptime"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(sorted_lines(ran.out), (Words{"web-1: up", "web-2: up"}));
  EXPECT_TRUE(scheduler.submits.at(0).spec().one_per_worker());
}

TEST_F(PartsVerbsTest, InterruptedRunStopsTheWhole) {
  scheduler.out = "begun\n";
  v1::Job running = part(0, "", 0);
  running.clear_end();
  running.set_state(v1::JOB_STATE_RUNNING);
  scheduler.listed = {running};
  ProgramRun program;
  program.pipe_output();
  program.start({"run", "--address", scheduler.address(), "--array", "1", "--", "true"});
  EXPECT_EQ(program.read_line(), "0: begun");
  program.interrupts.deliver(SIGINT);
  scheduler.wait_for_stops(1);
  const Ran ran = program.join();
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_EQ(scheduler.stops.at(0).job_id(), kJobId);
}

TEST_F(PartsVerbsTest, LogsOfAWholeShowsAllParts) {
  v1::Job whole;
  whole.set_job_id(kJobId);
  whole.mutable_parts()->set_total(2);
  scheduler.set_job(whole);
  scheduler.out = "x\n";
  scheduler.listed = {part(1, "", 0), part(0, "", 0)};
  const Ran ran = takt("logs", {"6f0b"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(sorted_lines(ran.out), (Words{"0: x", "1: x"}));
  EXPECT_EQ(takt("logs", {"--timestamps", "6f0b"}).code, 2);
}

TEST_F(PartsVerbsTest, DependenciesAreSentByTheirIds) {
  const Ran ran = takt("submit", {"--after-success", "6f0b", "--after-end", "6f0b2c",
                                  "--after-failure", "6f0b2c1e", "--", "true"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const v1::JobSpec& spec = scheduler.submits.at(0).spec();
  ASSERT_EQ(spec.dependencies_size(), 3);
  EXPECT_EQ(spec.dependencies(0).job_id(), kJobId);
  EXPECT_EQ(spec.dependencies(0).condition(), v1::DEPENDENCY_CONDITION_SUCCESS);
  EXPECT_EQ(spec.dependencies(1).condition(), v1::DEPENDENCY_CONDITION_END);
  EXPECT_EQ(spec.dependencies(2).condition(), v1::DEPENDENCY_CONDITION_FAILURE);
  const Ran unknown = takt("submit", {"--after-end", "nobody", "--", "true"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_NE(unknown.err.find("--after-end \"nobody\""), std::string::npos) << unknown.err;
}

TEST_F(PartsVerbsTest, LabelsStandInPlaceOfNames) {
  scheduler.listed = {part(0, "", 0), part(1, "", 0), part(2, "", 0)};
  ASSERT_EQ(takt("hold", {"-l", "batch=42"}).code, 0);
  EXPECT_EQ(scheduler.others.size(), 3U) << "pages are read to their end";
  EXPECT_EQ(scheduler.lists.at(0).labels().at("batch"), "42");
  EXPECT_EQ(takt("hold", {"-l", "batch=42", "6f0b"}).code, 2);
  EXPECT_EQ(takt("hold", {}).code, 2);
  scheduler.listed.clear();
  const Ran none = takt("stop", {"--label", "batch=43"});
  EXPECT_EQ(none.code, 0);
  EXPECT_NE(none.err.find("no job"), std::string::npos);
}

TEST_F(PartsVerbsTest, BadPartsAreNamed) {
  for (const Words& bad : {Words{"--array", "0"}, Words{"--array", "10001"},
                           Words{"--array", "5%x"}, Words{"--array", "3", "--all"}}) {
    Words words = bad;
    words.insert(words.end(), {"--", "true"});
    const Ran ran = takt("submit", words);
    EXPECT_EQ(ran.code, 2) << bad[1];
    EXPECT_NE(ran.err.find("--array"), std::string::npos) << ran.err;
  }
}

TEST_F(PartsVerbsTest, AllThatIsWrongIsToldALineEach) {
  const Ran ran = takt("submit", {"--nice", "70", "--memory", "1", "--", "true"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 2) << ran.err;
  EXPECT_NE(ran.err.find("--nice"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("--memory"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace takt::cli
