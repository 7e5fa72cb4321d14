// SPDX-License-Identifier: Apache-2.0
// takt watch: changes of jobs as they come.
#include <gtest/gtest.h>
#include <signal.h>

#include "unit/cli/fake_scheduler.h"
#include "unit/cli/golden.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

constexpr const char* kOther = "71aa90d4-0000-4000-8000-000000000001";

class WatchTest : public testing::Test {
 protected:
  static std::vector<std::string> words(const FakeScheduler& scheduler,
                                        std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"watch", "--address", scheduler.address()});
    return arguments;
  }
  Ran watch(const std::vector<std::string>& arguments) {
    return ProgramRun().run(words(scheduler, arguments));
  }

  v1::JobEvent& change(std::int64_t revision, const std::string& job, v1::JobState state) {
    v1::WatchJobsResponse& made = scheduler.changes.emplace_back();
    made.set_revision(revision);
    made.mutable_event()->set_job_id(job);
    made.mutable_event()->set_state(state);
    return *made.mutable_event();
  }
  // Two changes of the job that the scheduler has, the second one its end, and one of another.
  void let_it_end() {
    v1::JobEvent& ending = change(8, kJobId, v1::JOB_STATE_ENDING);
    ending.set_attempt(1);
    ending.set_worker_id("w1");
    change(9, kOther, v1::JOB_STATE_QUEUED);
    v1::JobEvent& end = change(10, kJobId, v1::JOB_STATE_FAILED);
    end.set_attempt(1);
    end.set_worker_id("w1");
    *end.mutable_end() = exited(3);
    v1::Worker& worker = scheduler.workers.emplace_back();
    worker.set_worker_id("w1");
    worker.set_name("db-2");
  }
  // Of what --json printed, in order.
  static std::string revisions(const std::string& out) {
    const std::string key = "{\"revision\":";
    std::string text;
    for (std::size_t at = 0; (at = out.find(key, at)) != std::string::npos;) {
      at += key.size();
      text += out.substr(at, out.find(',', at) - at) + " ";
    }
    return text;
  }
  void know_other() {
    v1::Job job;
    job.set_job_id(kOther);
    job.mutable_spec()->set_name("nightly");
    scheduler.listed.push_back(job);
  }

  FakeScheduler scheduler;
};

TEST_F(WatchTest, ANamedJobIsToldAsItStandsAndUntilItHasEnded) {
  let_it_end();
  const Ran ran = watch({"6f0b"});
  EXPECT_EQ(ran.code, 0) << "however it ended";
  EXPECT_EQ(ran.err, "");
  expect_golden("watch.txt", ran.out);
  ASSERT_EQ(scheduler.watches.size(), 1U);
  EXPECT_TRUE(scheduler.watches[0].from_now());
  ASSERT_EQ(scheduler.watches[0].job_ids_size(), 1);
  EXPECT_EQ(scheduler.watches[0].job_ids(0), kJobId);
}

TEST_F(WatchTest, AJobThatHasEndedIsToldAndThatIsAll) {
  scheduler.end_job(exited(0));
  scheduler.present = 8;
  const Ran ran = watch({"--json", "6f0b"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.out.starts_with("{\"revision\":\"8\",\"event\":{\"job_id\":\"6f0b2c1e"))
      << ran.out;
  EXPECT_EQ(watch({"--after-revision", "8", "6f0b"}).out, "") << "its end is not after that";
}

TEST_F(WatchTest, AChangeThatTheFirstLookSawIsNotToldAgain) {
  let_it_end();
  scheduler.end_job(exited(3));  // between the begin of the watch and the look, as it were
  scheduler.end_job(exited(3));
  scheduler.end_job(exited(3));  // revision 10
  know_other();
  *change(11, kOther, v1::JOB_STATE_SUCCEEDED).mutable_end() = exited(0);
  const Ran ran = watch({"--json", "6f0b", kOther});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(revisions(ran.out), "\"10\" \"0\" \"9\" \"11\" ");
}

TEST_F(WatchTest, WithoutJobsAllChangesFromNowOnWithTheirNames) {
  change(7, kJobId, v1::JOB_STATE_QUEUED);  // before
  let_it_end();
  know_other();
  ProgramRun program;
  program.pipe_output();
  program.start(words(scheduler, {}));
  EXPECT_TRUE(program.read_line().starts_with("TIME                 JOB       STATE "));
  EXPECT_EQ(program.read_line().substr(19), "  6f0b2c1e  ending     db-2    1        -     -");
  EXPECT_EQ(program.read_line().substr(19), "  71aa90d4  queued     -       -        nightly  -");
  EXPECT_NE(program.read_line().find("exited with code 3"), std::string::npos);
  program.interrupts.deliver(SIGINT);
  program.join();
}

TEST_F(WatchTest, ABrokenStreamIsTakenUpWithoutLossOrDouble) {
  scheduler.present = 40;
  for (int revision = 1; revision <= 40; revision += 3)
    change(revision, kJobId, v1::JOB_STATE_QUEUED);
  scheduler.changes_a_stream = 4;
  scheduler.watch_breaks = {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED};
  const Ran ran = watch({"--json", "--no-follow"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  std::string expected;
  for (int revision = 1; revision <= 40; revision += 3)
    expected += "\"" + std::to_string(revision) + "\" ";
  EXPECT_EQ(revisions(ran.out), expected);
  ASSERT_EQ(scheduler.watches.size(), 6U);
  EXPECT_EQ(scheduler.watches[2].after_revision(), 0);
  EXPECT_EQ(scheduler.watches[3].after_revision(), 10);
  EXPECT_EQ(scheduler.watches[5].after_revision(), 34);
}

TEST_F(WatchTest, AHistoryThatIsGoneIsSaidWithWhereItBegins) {
  scheduler.watch_breaks = {grpc::StatusCode::OUT_OF_RANGE};
  scheduler.watch_break_text =
      "the history after revision 3 is gone; the oldest revision kept is 100: list the jobs, then "
      "watch after_revision 99";
  const Ran ran = watch({"--after-revision", "3"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(
      ran.err,
      "takt: can't watch jobs: the history after revision 3 is gone; the oldest revision kept "
      "is 100: list the jobs, then watch --after-revision 99.\n");
  EXPECT_EQ(scheduler.watches.at(0).after_revision(), 3);
  EXPECT_FALSE(scheduler.watches.at(0).from_now());
}

TEST_F(WatchTest, NobodyWhoReadsIsAQuietEnd) {
  ProgramRun program;
  program.nobody_reads();
  const Ran ran = program.run(words(scheduler, {}));
  EXPECT_EQ(ran.code, 141);
  EXPECT_EQ(ran.err, "");
}

TEST_F(WatchTest, AReaderThatLeavesIsNoticedAlsoIfNothingChanges) {
  scheduler.beats = true;
  ProgramRun program;
  program.pipe_output();
  program.start(words(scheduler, {}));
  program.read_line();
  program.close_reader();
  EXPECT_EQ(program.join().code, 141);
}

TEST_F(WatchTest, WrongCallsAndUnknownJobsAreRefused) {
  EXPECT_EQ(watch({"--after-revision", "-1"}).code, 2);
  EXPECT_EQ(watch({"--after-revision", "now"}).code, 2);
  const Ran ran = watch({"dead"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("can't watch job \"dead\": there is no job"), std::string::npos);
  EXPECT_TRUE(scheduler.watches.empty());
}

}  // namespace
}  // namespace takt::cli
