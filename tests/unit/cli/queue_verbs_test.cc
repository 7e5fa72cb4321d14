// SPDX-License-Identifier: Apache-2.0
// The verbs about waiting and about workers: explain, hold, release, update, drain, forget.
#include <gtest/gtest.h>

#include "rpc/convert.h"
#include "rpc/status.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

using Words = std::vector<std::string>;

class QueueVerbsTest : public testing::Test {
 protected:
  Ran takt(const std::string& verb, Words arguments) {
    arguments.insert(arguments.begin(), {verb, "--address", scheduler.address()});
    return ProgramRun().run(arguments);
  }
  FakeScheduler scheduler;
};

TEST_F(QueueVerbsTest, ExplainSaysWhyAndWhatCouldBeDone) {
  scheduler.explanation.set_explanation("needs 64.0G of memory; the largest has 8.0G");
  scheduler.explanation.set_advice("Ask for less memory.");
  scheduler.explanation.set_never(true);
  const Ran one = takt("explain", {"71aa"});
  EXPECT_EQ(one.code, 0);
  EXPECT_EQ(one.out,
            "needs 64.0G of memory; the largest has 8.0G. It would never start as things are.\n"
            "Ask for less memory.\n");
  const Ran two = takt("explain", {"71aa", "6f0b"});
  EXPECT_TRUE(two.out.starts_with("71aa: needs")) << two.out;
  EXPECT_NE(two.out.find("\n6f0b: needs"), std::string::npos) << two.out;
  EXPECT_EQ(takt("explain", {"--json", "71aa"}).out.find("{\"explanation\""), 0U);
}

TEST_F(QueueVerbsTest, HoldAndReleaseEachJobAndSayWhichWasRefused) {
  EXPECT_EQ(takt("hold", {"71aa", "6f0b"}).code, 0);
  EXPECT_EQ(takt("release", {"71aa"}).out, "");
  EXPECT_EQ(scheduler.others, (Words{"HoldJob 71aa", "HoldJob 6f0b", "ReleaseJob 71aa"}));
  scheduler.refusals = {rpc::to_status(
      make_error(ErrorCode::kFailedPrecondition, "job 71aa is running; only a queued job can"))};
  const Ran refused = takt("hold", {"71aa", "6f0b"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("takt: can't hold job \"71aa\": job 71aa is running"),
            std::string::npos)
      << refused.err;
  EXPECT_EQ(scheduler.others.back(), "HoldJob 6f0b") << "the other one is held";
}

TEST_F(QueueVerbsTest, UpdateTakesAPriority) {
  EXPECT_EQ(takt("update", {"71aa", "--priority", "-20"}).code, 0);
  EXPECT_EQ(scheduler.update.priority(), -20);
  EXPECT_EQ(takt("update", {"71aa"}).code, 2);
  const Ran high = takt("update", {"71aa", "--priority", "1001"});
  EXPECT_EQ(high.code, 2);
  EXPECT_NE(high.err.find("--priority"), std::string::npos);
}

TEST_F(QueueVerbsTest, SubmitSendsHowAJobWaits) {
  const Ran ran =
      takt("submit", {"--priority", "-3", "--not-before", "10min", "--queue-time", "1h", "--hold",
                      "--resource", "gpu=2", "--resource", "license=1", "--", "true"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const v1::JobSpec& spec = scheduler.submits.at(0).spec();
  EXPECT_EQ(spec.priority(), -3);
  EXPECT_TRUE(spec.hold());
  EXPECT_EQ(spec.queue_time_limit().seconds(), 3600);
  EXPECT_EQ(spec.resources().counted().at("gpu"), 2);
  EXPECT_EQ(spec.resources().counted().at("license"), 1);
  const auto ahead = rpc::time_from_proto(spec.not_before_time()) - wall_now();
  EXPECT_GT(ahead, std::chrono::minutes(9));
  EXPECT_LE(ahead, std::chrono::minutes(10));
}

TEST_F(QueueVerbsTest, BadWaitingOptionsAreNamed) {
  for (const Words& bad :
       {Words{"--priority", "high"}, Words{"--not-before", "soon"}, Words{"--queue-time", "0"},
        Words{"--resource", "gpu"}, Words{"--resource", "gpu=none"}, Words{"--resource", "=2"}}) {
    Words words = bad;
    words.insert(words.end(), {"--", "true"});
    const Ran ran = takt("submit", words);
    EXPECT_EQ(ran.code, 2) << bad[1];
    EXPECT_NE(ran.err.find(bad[0]), std::string::npos) << ran.err;
  }
  EXPECT_TRUE(scheduler.submits.empty());
}

TEST_F(QueueVerbsTest, ADryRunSubmitsNothing) {
  scheduler.plan.set_worker_name("db-2");
  const Ran here = takt("submit", {"--dry-run", "--cpus", "2", "--", "true"});
  EXPECT_EQ(here.code, 0);
  EXPECT_EQ(here.out, "would go to db-2\n");
  EXPECT_EQ(scheduler.planned.spec().resources().cpu_millicores(), 2000);
  EXPECT_EQ(takt("submit", {"--dry-run", "--array", "5", "--", "true"}).out,
            "a part would go to db-2\n");
  scheduler.plan.Clear();
  scheduler.plan.mutable_waiting()->set_explanation("all 4 slots of db-2 are taken");
  const Ran waits = takt("submit", {"--dry-run", "--", "true"});
  EXPECT_EQ(waits.code, 0);
  EXPECT_EQ(waits.out, "would wait: all 4 slots of db-2 are taken.\n");
  scheduler.plan.mutable_waiting()->set_never(true);
  EXPECT_EQ(takt("submit", {"--dry-run", "--", "true"}).code, 1);
  EXPECT_TRUE(scheduler.submits.empty());
}

TEST_F(QueueVerbsTest, DrainWaitsUntilNoJobIsLeftAndSaysForHowMany) {
  scheduler.workers.emplace_back().set_worker_id("w1");
  scheduler.running = {2, 2, 1};
  const Ran ran = takt("drain", {"db-2", "--reason", "new disk", "--deadline", "30min"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "takt: waits for 2 jobs on db-2 (takt list --worker db-2)\n"
            "takt: waits for 1 job on db-2 (takt list --worker db-2)\n");
  EXPECT_EQ(scheduler.drain.reason(), "new disk");
  EXPECT_EQ(scheduler.drain.deadline().seconds(), 1800);
}

TEST_F(QueueVerbsTest, DrainNeedNotWait) {
  scheduler.workers.emplace_back().set_worker_id("w1");
  scheduler.running = {2};
  EXPECT_EQ(takt("drain", {"db-2", "--no-wait"}).err, "");
  EXPECT_EQ(takt("undrain", {"db-2"}).code, 0);
  EXPECT_EQ(takt("forget", {"db-2", "db-3"}).code, 0);
  EXPECT_EQ(scheduler.others, (Words{"DrainWorker db-2", "UndrainWorker db-2", "ForgetWorker db-2",
                                     "ForgetWorker db-3"}));
}

TEST_F(QueueVerbsTest, OrphansAreStoppedOrAdopted) {
  EXPECT_EQ(takt("orphans", {"--stop", "71aa", "--reason", "unknown"}).code, 0);
  EXPECT_EQ(takt("orphans", {"--adopt", "71aa", "--adopt", "6f0b"}).out, "");
  EXPECT_EQ(scheduler.others,
            (Words{"StopOrphan 71aa unknown", "AdoptOrphan 71aa", "AdoptOrphan 6f0b"}));
  EXPECT_EQ(takt("orphans", {"--adopt", "71aa", "--json"}).out, "{}\n");
  const Ran both = takt("orphans", {"--adopt", "71aa", "--stop", "6f0b"});
  EXPECT_EQ(both.code, 2);
  EXPECT_NE(both.err.find("one of them at a time"), std::string::npos) << both.err;
  scheduler.refusals = {rpc::to_status(
      make_error(ErrorCode::kNotFound, "no worker in reach has an orphan of job 71aa"))};
  const Ran refused = takt("orphans", {"--adopt", "71aa"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("can't adopt orphan \"71aa\": no worker in reach"), std::string::npos)
      << refused.err;
}

TEST_F(QueueVerbsTest, ListSendsItsFilters) {
  ASSERT_EQ(takt("list", {"--worker", "db-2", "--label", "team=ops", "--since", "10min"}).code, 0);
  const v1::ListJobsRequest& request = scheduler.lists.at(0);
  EXPECT_EQ(request.worker(), "db-2");
  EXPECT_EQ(request.labels().at("team"), "ops");
  EXPECT_LT(rpc::time_from_proto(request.since_time()), wall_now() - std::chrono::minutes(9));
  EXPECT_EQ(takt("list", {"--label", "team"}).code, 2);
  EXPECT_EQ(takt("list", {"--since", "then"}).code, 2);
}

}  // namespace
}  // namespace takt::cli
