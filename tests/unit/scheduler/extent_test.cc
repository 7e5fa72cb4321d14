// SPDX-License-Identifier: Apache-2.0
// What a small request could make much of is counted before anything is made of it, and refused
// with the field, the number and the limit.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

class ExtentTest : public SchedulerTest {
 protected:
  grpc::Status submit_many(int specs, const std::function<void(v1::JobSpec&, int)>& change) {
    v1::SubmitJobsRequest request;
    for (int at = 0; at < specs; ++at) {
      *request.add_specs() = spec();
      change(*request.mutable_specs(at), at);
    }
    v1::SubmitJobsResponse response;
    return jobs_->SubmitJobs(context().get(), request, &response);
  }
  // Refused before the first job, and nothing is left of it.
  void expect_refused(const grpc::Status& status, const std::vector<std::string>& texts) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    for (const std::string& text : texts)
      EXPECT_NE(status.error_message().find(text), std::string::npos) << status.error_message();
    v1::CountJobsResponse counts;
    ASSERT_TRUE(jobs_->CountJobs(context().get(), {}, &counts).ok());
    EXPECT_EQ(counts.queued(), 0);
  }
};

TEST_F(ExtentTest, TasksOfARequestAreCountedBeforeTheyAreMade) {
  expect_refused(submit_many(1000, [](v1::JobSpec& spec,
                                      int) { spec.mutable_array()->set_count(limits::kPartsMax); }),
                 {"specs: ", "10000000 tasks", "at most 10000"});
  expect_refused(submit_many(2,
                             [](v1::JobSpec& spec, int at) {
                               if (at == 0) spec.mutable_array()->set_count(limits::kPartsMax);
                             }),
                 {"specs: ", "10001 tasks", "at most 10000"});
}

TEST_F(ExtentTest, TasksOnEachWorkerCountAsWell) {
  const auto one = make_worker(kWorkerOne, "one");
  const auto two = make_worker(kWorkerTwo, "two");
  expect_refused(submit_many(2,
                             [](v1::JobSpec& spec, int at) {
                               if (at == 0) spec.mutable_array()->set_count(limits::kPartsMax - 1);
                               if (at == 1) spec.set_one_per_worker(true);
                             }),
                 {"specs: ", "10001 tasks", "at most 10000"});
}

TEST_F(ExtentTest, WhatEachSpecMultipliesIsBoundedForTheRequest) {
  expect_refused(submit_many(17, [](v1::JobSpec& spec, int) { spec.set_one_per_worker(true); }),
                 {"specs: ", "17 of them have one_per_worker", "at most 16"});
  expect_refused(submit_many(200,
                             [](v1::JobSpec& spec, int) {
                               for (int i = 0; i < 64; ++i) {
                                 v1::Dependency& on = *spec.add_dependencies();
                                 on.set_job_id(kWorkerOne);
                                 on.set_condition(v1::DEPENDENCY_CONDITION_END);
                               }
                             }),
                 {"specs: ", "12800 dependencies", "at most 10000"});
  expect_refused(submit_many(1,
                             [](v1::JobSpec& spec, int) {
                               for (int i = 0; i < 5; ++i) {
                                 v1::Constraint& constraint = *spec.add_constraints();
                                 constraint.set_key("zone");
                                 constraint.set_operator_(v1::CONSTRAINT_OPERATOR_IN);
                                 for (int value = 0; value < 60; ++value)
                                   constraint.add_values("z" + std::to_string(value));
                               }
                             }),
                 {"spec.constraints: ", "300 values", "at most 256"});
}

TEST_F(ExtentTest, TheLargestRequestIsTaken) {
  const grpc::Status taken = submit_many(
      11, [](v1::JobSpec& spec, int at) { spec.mutable_array()->set_count(at == 0 ? 9000 : 100); });
  EXPECT_TRUE(taken.ok()) << taken.error_message();
  v1::CountJobsResponse counts;
  ASSERT_TRUE(jobs_->CountJobs(context().get(), {}, &counts).ok());
  EXPECT_GE(counts.queued(), 10000);
}

}  // namespace
}  // namespace takt::scheduler
