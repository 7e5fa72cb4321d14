// SPDX-License-Identifier: Apache-2.0
// A store that comes near store_max: submissions are refused, those of users first; ends, stops,
// holds and registrations are committed, and what has ended makes room.
#include <string>
#include <vector>

#include "support/eventually.h"
#include "unit/scheduler/principals.h"

namespace takt::scheduler {
namespace {

class StoreRoomTest : public PrincipalsTest {
 protected:
  void SetUp() override {
    config_.store_max_bytes = 16 << 20;
    PrincipalsTest::SetUp();
  }

  static v1::JobSpec fat() {
    v1::JobSpec spec = SchedulerTest::spec();
    spec.set_hold(true);
    spec.set_stdin_data(std::string(900'000, 'x'));
    return spec;
  }
  static grpc::Status try_as(const Client& client, const v1::JobSpec& spec, std::string& job) {
    v1::SubmitJobRequest request;
    *request.mutable_spec() = spec;
    v1::SubmitJobResponse response;
    const grpc::Status status = client.jobs->SubmitJob(context().get(), request, &response);
    job = response.job_id();
    return status;
  }
  static void expect_refused(const grpc::Status& status, const std::vector<std::string>& texts) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    for (const std::string& text : texts)
      EXPECT_NE(status.error_message().find(text), std::string::npos) << status.error_message();
  }
  // Jobs of alice until no more are taken.
  std::vector<std::string> fill() {
    std::vector<std::string> taken;
    std::string job;
    grpc::Status status;
    for (int i = 0; i < 40 && (status = try_as(alice_, fat(), job)).ok(); ++i) taken.push_back(job);
    expect_refused(status, {"the scheduler's store has 1", "in unfinished jobs of user alice",
                            "submissions of users are taken up to 6 eighths of 16M",
                            "store_max in [scheduler]"});
    return taken;
  }
};

TEST_F(StoreRoomTest, SubmissionsAreRefusedThoseOfUsersFirstAndNothingElseIs) {
  const std::vector<std::string> jobs = fill();
  EXPECT_GE(jobs.size(), 10U);
  EXPECT_LE(jobs.size(), 14U);
  submit(fat());
  v1::SubmitJobResponse response;
  grpc::Status status;
  for (int i = 0; i < 8 && (status = try_submit(fat(), "", response)).ok(); ++i) {
  }
  expect_refused(status, {"submissions of operators are taken up to 7 eighths of 16M"});
  const auto worker = make_worker(kWorkerOne, "one");
  v1::ReleaseJobRequest release;
  release.set_job_id(jobs[0]);
  v1::ReleaseJobResponse released;
  EXPECT_TRUE(alice_.jobs->ReleaseJob(context().get(), release, &released).ok());
  watch_until(jobs[0], v1::JOB_STATE_RUNNING);
  for (const std::string& job : jobs) stop_job(job, "");
  for (const std::string& job : jobs) watch_until(job, v1::JOB_STATE_STOPPED);
}

TEST_F(StoreRoomTest, WhatHasEndedMakesRoomAndIsNotRetried) {
  const std::vector<std::string> jobs = fill();
  for (const std::string& job : jobs) stop_job(job, "");
  std::string job;
  ASSERT_TRUE(test::eventually([&] { return try_as(alice_, fat(), job).ok(); }));
  EXPECT_TRUE(get(jobs.front()).input_removed());
  EXPECT_EQ(get(jobs.front()).spec().stdin_data(), "");
  EXPECT_FALSE(get(jobs.back()).input_removed()) << "the oldest first, and no more than needed";
  EXPECT_FALSE(get(job).input_removed());
  v1::RetryJobRequest request;
  request.set_job_id(jobs.front());
  v1::RetryJobResponse response;
  const grpc::Status status = alice_.jobs->RetryJob(context().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("script and the input of job"), std::string::npos)
      << status.error_message();
  request.set_job_id(jobs.back());
  EXPECT_TRUE(alice_.jobs->RetryJob(context().get(), request, &response).ok());
}

}  // namespace
}  // namespace takt::scheduler
