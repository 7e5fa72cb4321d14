// SPDX-License-Identifier: Apache-2.0
// What shells are told, as they ask for it: takt __complete WORD...
#include <gtest/gtest.h>

#include "unit/cli/fake_scheduler.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

class CompleteTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const v1::JobState state : {v1::JOB_STATE_RUNNING, v1::JOB_STATE_PAUSED}) {
      v1::Job job;
      job.set_job_id(state == v1::JOB_STATE_RUNNING ? "aaaaaaaa-0000" : "bbbbbbbb-0000");
      job.set_state(state);
      job.mutable_spec()->add_argv("sleep");
      scheduler.listed.push_back(job);
    }
    scheduler.listed[1].mutable_spec()->set_name("nightly");
    v1::Worker& worker = scheduler.workers.emplace_back();
    (*worker.mutable_labels())["worker"] = "db-2";
    (*worker.mutable_labels())["role"] = "db";
  }
  // The lines, without what they tell beside the word.
  std::vector<std::string> words_for(std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    const Ran ran = ProgramRun().run(words);
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err, "");
    std::vector<std::string> found;
    for (std::size_t at = 0; at < ran.out.size();) {
      const std::size_t end = ran.out.find('\n', at);
      const std::string line = ran.out.substr(at, end - at);
      found.push_back(line.substr(0, line.find('\t')));
      at = end + 1;
    }
    return found;
  }
  std::vector<std::string> words_of(const std::string& verb, std::vector<std::string> rest) {
    rest.insert(rest.begin(), {verb, "--address", scheduler.address()});
    return words_for(rest);
  }
  using Words = std::vector<std::string>;

  FakeScheduler scheduler;
};

TEST_F(CompleteTest, Verbs) {
  EXPECT_EQ(words_for({"st"}), (Words{"status", "stop"}));
  EXPECT_EQ(words_for({"--address", "unix:/x", "sub"}), (Words{"submit"}));
  EXPECT_EQ(words_for({"nothing"}), Words{});
  EXPECT_EQ(words_for({}).size(), words_for({""}).size());
  EXPECT_GE(words_for({""}).size(), 10U);
  EXPECT_EQ(words_for({"nothing", ""}), Words{});
}

TEST_F(CompleteTest, OptionsWithWhatTheyAre) {
  EXPECT_EQ(words_for({"run", "--cpu"}), (Words{"--cpus", "--cpu-weight"}));
  EXPECT_EQ(words_for({"run", "--memory", "1M", "--ta"}), (Words{"--tasks"}));
  EXPECT_EQ(ProgramRun().run({"__complete", "list", "--al"}).out,
            "--all\tAlso jobs that have ended.\n");
}

TEST_F(CompleteTest, ValuesThatAnOptionLists) {
  EXPECT_EQ(words_for({"run", "--launcher", ""}), (Words{"scope", "cgroup"}));
  EXPECT_EQ(words_for({"run", "--launcher=c"}), (Words{"--launcher=cgroup"}));
  EXPECT_EQ(words_for({"top", "--sort", "t"}), (Words{"time", "tasks"}));
  EXPECT_EQ(words_for({"run", "--memory", ""}), Words{});
}

TEST_F(CompleteTest, TheCommandIsTheShells) {
  EXPECT_EQ(words_for({"run", "--", "st"}), Words{});
  EXPECT_EQ(words_for({"run", "sh", "--cpu"}), Words{});
  EXPECT_EQ(words_for({"submit", "--tasks", "1", "make", "--"}), Words{});
}

TEST_F(CompleteTest, JobsThatTheVerbCanDoSomethingWith) {
  const Words all{"aaaaaaaa-0000", "bbbbbbbb-0000"};
  EXPECT_EQ(words_of("status", {""}), all);
  EXPECT_EQ(words_of("status", {"bb"}), (Words{"bbbbbbbb-0000"}));
  EXPECT_EQ(words_of("logs", {"-f", "night"}), (Words{"nightly"}));
  EXPECT_EQ(words_of("pause", {""}), (Words{"aaaaaaaa-0000"}));
  EXPECT_EQ(words_of("resume", {""}), (Words{"bbbbbbbb-0000"}));
  EXPECT_EQ(words_of("wait", {"aaaa", ""}), all) << "another one";
  EXPECT_EQ(words_of("watch", {""}), all);
  EXPECT_EQ(words_of("stop", {""}), all);
  scheduler.listed[1].set_state(v1::JOB_STATE_FAILED);
  EXPECT_EQ(words_of("stop", {""}), (Words{"aaaaaaaa-0000"}));
}

TEST_F(CompleteTest, LabelsOfWorkers) {
  EXPECT_EQ(words_of("run", {"--on", ""}), (Words{"role=db", "worker=db-2"}));
  EXPECT_EQ(words_of("run", {"--on=w"}), (Words{"--on=worker=db-2"}));
}

TEST_F(CompleteTest, WithoutASchedulerNothingIsSaid) {
  EXPECT_EQ(words_for({"status", "--address", "unix:/nowhere", ""}), Words{});
}

}  // namespace
}  // namespace takt::cli
