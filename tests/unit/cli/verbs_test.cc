// SPDX-License-Identifier: Apache-2.0
// The verbs that ask: status, list, stop, wait, workers.
#include <gtest/gtest.h>

#include "rpc/status.h"
#include "unit/cli/fake_scheduler.h"
#include "unit/cli/golden.h"
#include "unit/cli/program_run.h"

namespace takt::cli {
namespace {

class VerbsTest : public testing::Test {
 protected:
  Ran takt(const std::string& verb, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {verb, "--address", scheduler.address()});
    return ProgramRun().run(arguments);
  }

  void list_three() {
    for (int i = 0; i < 3; ++i) {
      v1::Job job;
      job.set_job_id(std::string(8, static_cast<char>('a' + i)) + "-0000");
      job.set_state(i == 0 ? v1::JOB_STATE_RUNNING : v1::JOB_STATE_QUEUED);
      job.mutable_spec()->add_argv("sleep");
      job.mutable_spec()->add_argv(std::to_string(i));
      job.set_submitted_by("user bob");
      scheduler.listed.push_back(job);
    }
    v1::Attempt& attempt = *scheduler.listed[0].add_attempts();
    attempt.set_worker_name("db-2");
    attempt.mutable_usage()->mutable_cpu_user()->set_seconds(123);
    attempt.mutable_usage()->set_memory_peak_bytes(851443712);
    scheduler.listed[0].mutable_spec()->set_name("nightly");
  }

  FakeScheduler scheduler;
};

TEST_F(VerbsTest, StatusShowsOneOrMore) {
  const Ran ran = takt("status", {"6f0b", kJobId});
  EXPECT_EQ(ran.code, 0);
  const std::string block = "* 6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61\n     State: running\n";
  EXPECT_TRUE(ran.out.starts_with(block)) << ran.out;
  EXPECT_NE(ran.out.find("\n\n" + block), std::string::npos) << ran.out;
}

TEST_F(VerbsTest, StatusOfAnUnknownJobIsRefused) {
  const Ran ran = takt("status", {"dead", "6f0b"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "takt: can't show job \"dead\": there is no job \"dead\". takt list --all shows the "
            "jobs that there are.\n");
  EXPECT_NE(ran.out.find("6f0b2c1e"), std::string::npos) << "the others are shown";
}

TEST_F(VerbsTest, AnAmbiguousPrefixListsTheCandidates) {
  scheduler.refusals = {rpc::to_status(
      make_error(ErrorCode::kFailedPrecondition, "\"6f\" fits 6f0b2c1e and 6f11aa00; write more"))};
  const Ran ran = takt("status", {"6f"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "takt: can't show job \"6f\": \"6f\" fits 6f0b2c1e and 6f11aa00; write more.\n");
}

TEST_F(VerbsTest, PermissionDeniedIsNotTriedAgain) {
  scheduler.refusals = {rpc::to_status(
      make_error(ErrorCode::kPermissionDenied, "job 6f0b is bob's; ask bob or an operator"))};
  const Ran ran = takt("stop", {"6f0b"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "takt: can't stop job \"6f0b\": job 6f0b is bob's; ask bob or an operator.\n");
  EXPECT_TRUE(scheduler.stops.empty());
}

TEST_F(VerbsTest, ARestartIsNotNoticed) {
  for (const char* verb : {"status", "stop"}) {
    scheduler.refusals = {{grpc::StatusCode::UNAVAILABLE, "Socket closed"},
                          {grpc::StatusCode::CANCELLED, ""}};
    const Ran ran = takt(verb, {"6f0b"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
  }
}

TEST_F(VerbsTest, PatienceHasAnEnd) {
  scheduler.refusals.assign(1000, {grpc::StatusCode::UNAVAILABLE, "starting"});
  const Ran ran = takt("status", {"--timeout", "300ms", "6f0b"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("gave no answer within 300ms"), std::string::npos) << ran.err;
}

TEST_F(VerbsTest, ListIsATableOverAllPages) {
  list_three();
  const Ran ran = takt("list", {});
  EXPECT_EQ(ran.code, 0);
  expect_golden("list.txt", ran.out);
  ASSERT_EQ(scheduler.lists.size(), 2U);
  EXPECT_EQ(scheduler.lists[0].states_size(), 5) << "what has not ended";
}

TEST_F(VerbsTest, ListAsJsonIsOneDocument) {
  list_three();
  expect_golden("list.json", takt("list", {"--all", "--json"}).out);
  EXPECT_EQ(scheduler.lists[0].states_size(), 0);
  scheduler.listed.clear();
  EXPECT_EQ(takt("list", {"--json"}).out, "{\"jobs\":[],\"next_page_token\":\"\"}\n");
}

TEST_F(VerbsTest, ListFilters) {
  takt("list", {"--state", "failed,stopped", "--state", "running", "--name", "n", "--user", "u"});
  ASSERT_EQ(scheduler.lists.size(), 1U);
  EXPECT_EQ(scheduler.lists[0].states_size(), 3);
  EXPECT_EQ(scheduler.lists[0].name(), "n");
  EXPECT_EQ(scheduler.lists[0].user(), "u");
}

TEST_F(VerbsTest, StopIsQuietAndSaysWhy) {
  const Ran ran = takt("stop", {"6f0b", "--reason", "wrong table", "--grace", "2s"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out + ran.err, "");
  ASSERT_EQ(scheduler.stops.size(), 1U);
  EXPECT_EQ(scheduler.stops[0].reason(), "wrong table");
  EXPECT_EQ(scheduler.stops[0].grace().seconds(), 2);
}

TEST_F(VerbsTest, WaitExitsAsTheJobDid) {
  scheduler.end_job(exited(7));
  const Ran ran = takt("wait", {"6f0b"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_EQ(ran.out + ran.err, "");
}

TEST_F(VerbsTest, WaitSeesTheEndOverBrokenWatches) {
  scheduler.watch_breaks = {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED,
                            grpc::StatusCode::OUT_OF_RANGE, grpc::StatusCode::RESOURCE_EXHAUSTED};
  scheduler.end_by_watch = true;
  const Ran ran = takt("wait", {"--json", "6f0b"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_GE(scheduler.watches.size(), 5U);
  EXPECT_EQ(scheduler.watches[0].after_revision(), 7);
  EXPECT_TRUE(ran.out.starts_with("{\"job\":{\"job_id\":\"6f0b")) << ran.out;
}

TEST_F(VerbsTest, WaitForManyExitsWithTheFirstThatIsNotZero) {
  list_three();
  *scheduler.listed[0].mutable_end() = exited(0);
  *scheduler.listed[1].mutable_end() = exited(4);
  scheduler.listed[2].mutable_end()->set_cause(v1::END_CAUSE_TIMED_OUT);
  scheduler.listed[2].mutable_end()->set_message("ran longer than 2h");
  const Ran ran = takt("wait", {"cccccccc-0000", "aaaaaaaa-0000", "bbbbbbbb-0000"});
  EXPECT_EQ(ran.code, 124);
  EXPECT_EQ(ran.err, "takt: job cccccccc: ran longer than 2h.\n");
  EXPECT_EQ(takt("wait", {"aaaaaaaa-0000", "bbbbbbbb-0000", "cccccccc-0000"}).code, 4);
}

TEST_F(VerbsTest, WaitForAnUnknownJobIsTaktsOwnFailure) {
  EXPECT_EQ(takt("wait", {"dead"}).code, 125);
}

TEST_F(VerbsTest, WorkersAreATable) {
  v1::Worker& worker = scheduler.workers.emplace_back();
  worker.set_name("db-1");
  worker.set_state(v1::WORKER_STATE_READY);
  worker.set_running(3);
  worker.mutable_capacity()->set_slots(16);
  worker.mutable_capacity()->set_cpu_millicores(2500);
  worker.mutable_capacity()->set_memory_bytes(std::int64_t{8} << 30);
  (*worker.mutable_labels())["role"] = "db";
  v1::Worker& drained = scheduler.workers.emplace_back();
  drained.set_name("web-1");
  drained.set_state(v1::WORKER_STATE_DRAINING);
  drained.mutable_drain()->set_reason("new disk");
  expect_golden("workers.txt", takt("workers", {}).out);
  expect_golden("workers.json", takt("workers", {"--json"}).out);
}

TEST_F(VerbsTest, LimitsAreATable) {
  scheduler.limits.set_account("alice");
  const auto add = [this](const char* resource, int used, int all_used, int all_limit) {
    v1::ResourceLimit& limit = *scheduler.limits.add_limits();
    limit.set_resource(resource);
    limit.set_used(used);
    limit.set_all_used(all_used);
    limit.set_all_limit(all_limit);
    return &limit;
  };
  v1::ResourceLimit* const watchers = add("watchers", 256, 300, 1024);
  watchers->set_limit(256);
  watchers->set_key("watchers_of_account_max");
  add("live jobs", 1200, 1300, 1000000)->set_limit(1000000);
  expect_golden("limits.txt", takt("limits", {}).out);
  expect_golden("limits.json", takt("limits", {"--json"}).out);
  scheduler.limits.set_is_privileged(true);
  for (v1::ResourceLimit& limit : *scheduler.limits.mutable_limits()) limit.clear_limit();
  expect_golden("limits_privileged.txt", takt("limits", {"--user", "takt://operator/bob"}).out);
}

}  // namespace
}  // namespace takt::cli
