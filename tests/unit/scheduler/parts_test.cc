// SPDX-License-Identifier: Apache-2.0
// Jobs of many parts: arrays, and one part for each worker.
#include <algorithm>

#include "rpc/convert.h"
#include "rpc/status.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

class PartsTest : public SchedulerTest {
 protected:
  static v1::JobSpec array(int count, int max_running = 0) {
    v1::JobSpec made = spec("array");
    made.mutable_array()->set_count(count);
    made.mutable_array()->set_max_running(max_running);
    return made;
  }
  // By index.
  std::vector<v1::Job> parts(const std::string& whole) {
    v1::ListJobsRequest request;
    request.set_part_of(whole);
    request.set_page_size(1000);
    v1::ListJobsResponse response;
    const grpc::Status status = jobs_->ListJobs(context().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return {response.jobs().rbegin(), response.jobs().rend()};
  }
  std::vector<std::string> listed() {
    v1::ListJobsResponse response;
    EXPECT_TRUE(jobs_->ListJobs(context().get(), v1::ListJobsRequest(), &response).ok());
    std::vector<std::string> ids;
    for (const v1::Job& job : response.jobs()) ids.push_back(job.job_id());
    return ids;
  }
  static std::string variable(const v1::StartCommand& start, const std::string& name) {
    for (const v1::EnvironmentVariable& one : start.spec().environment())
      if (one.name() == name) return one.value();
    return "-";
  }
  grpc::Status retry(const std::string& job, v1::RetryJobResponse* response) {
    v1::RetryJobRequest request;
    request.set_job_id(job);
    return jobs_->RetryJob(context().get(), request, response);
  }
};

TEST_F(PartsTest, EachPartOfAnArrayRunsOnceAndKnowsItsIndex) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(array(3));
  ASSERT_TRUE(worker->wait_starts(3));
  const std::vector<v1::Job> all = parts(job);
  ASSERT_EQ(all.size(), 3U);
  for (int at = 0; at < 3; ++at) {
    const v1::StartCommand start = worker->starts()[static_cast<std::size_t>(at)];
    const v1::Job& part = all[static_cast<std::size_t>(at)];
    EXPECT_EQ(start.job_id(), part.job_id()) << "lower indexes start first";
    EXPECT_EQ(part.part_index(), at);
    EXPECT_EQ(part.part_of(), job);
    EXPECT_EQ(variable(start, "TAKT_ARRAY_INDEX"), std::to_string(at));
    EXPECT_EQ(variable(start, "TAKT_ARRAY_COUNT"), "3");
    EXPECT_EQ(variable(start, "TAKT_ARRAY_ID"), job);
    EXPECT_FALSE(start.spec().has_array()) << "that is the scheduler's business";
    v1::Job named;
    ASSERT_TRUE(try_get(job.substr(0, 8) + "/" + std::to_string(at), named).ok());
    EXPECT_EQ(named.job_id(), part.job_id());
  }
  watch_until(job, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(listed(), (std::vector<std::string>{job})) << "a list shows the whole";
  for (const v1::Job& part : all) worker->end(part.job_id(), 0);
  watch_until(job, v1::JOB_STATE_SUCCEEDED);
  const v1::Job done = get(job);
  EXPECT_EQ(done.parts().total(), 3);
  EXPECT_EQ(done.parts().succeeded(), 3);
  EXPECT_EQ(done.end().message(), "all 3 parts succeeded");
  v1::Job none;
  EXPECT_EQ(try_get(job + "/3", none).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(try_get(job + "/x", none).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(PartsTest, AtMostSoManyAtOnceAlsoAfterARestart) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(array(5, 2));
  ASSERT_TRUE(worker->wait_starts(2));
  const std::vector<v1::Job> all = parts(job);
  v1::ExplainJobRequest request;
  request.set_job_id(all[3].job_id());
  v1::ExplainJobResponse why;
  ASSERT_TRUE(jobs_->ExplainJob(context().get(), request, &why).ok());
  EXPECT_NE(why.explanation().find("at most 2 parts"), std::string::npos) << why.explanation();
  watch_until(all[0].job_id(), v1::JOB_STATE_RUNNING);
  watch_until(all[1].job_id(), v1::JOB_STATE_RUNNING);
  restart();
  ASSERT_TRUE(wait_worker(kWorkerOne, v1::WORKER_STATE_READY));
  EXPECT_EQ(get(job).parts().active(), 2);
  EXPECT_EQ(get(job).parts().queued(), 3);
  for (std::size_t at = 0; at < 5; ++at) {
    ASSERT_TRUE(worker->wait_starts(std::min<std::size_t>(at + 2, 5)));
    EXPECT_LE(worker->starts().size(), at + 2) << "one begins where one has ended";
    worker->end(all[at].job_id(), 0);
  }
  watch_until(job, v1::JOB_STATE_SUCCEEDED);
}

TEST_F(PartsTest, APartThatFailsFailsTheWholeAndOnlyItIsTriedAgain) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(array(3));
  ASSERT_TRUE(worker->wait_starts(3));
  const std::vector<v1::Job> all = parts(job);
  worker->end(all[0].job_id(), 0);
  worker->end(all[1].job_id(), 7);
  worker->end(all[2].job_id(), 0);
  watch_until(job, v1::JOB_STATE_FAILED);
  EXPECT_EQ(get(job).end().message(), "1 of 3 parts did not succeed");
  EXPECT_EQ(get(job).end().cause(), v1::END_CAUSE_PARTS_ENDED);
  v1::RetryJobResponse again;
  ASSERT_TRUE(retry(job, &again).ok());
  ASSERT_TRUE(worker->wait_starts(4));
  EXPECT_EQ(variable(worker->starts()[3], "TAKT_ARRAY_INDEX"), "1");
  EXPECT_EQ(variable(worker->starts()[3], "TAKT_ARRAY_COUNT"), "3");
  EXPECT_EQ(get(again.job_id()).parts().total(), 1);
  worker->end(worker->starts()[3].job_id(), 0);
  watch_until(again.job_id(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(retry(again.job_id(), &again).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(PartsTest, StoppingTheWholeStopsWhatRunsAndWhatWaits) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(array(4, 2));
  ASSERT_TRUE(worker->wait_starts(2));
  const std::vector<v1::Job> all = parts(job);
  watch_until(all[0].job_id(), v1::JOB_STATE_RUNNING);
  watch_until(all[1].job_id(), v1::JOB_STATE_RUNNING);
  stop_job(job, "enough");
  ASSERT_TRUE(worker->wait_stops(2));
  watch_until(job, v1::JOB_STATE_STOPPED);
  const v1::Job done = get(job);
  EXPECT_EQ(done.parts().stopped(), 4);
  EXPECT_EQ(done.end().cause(), v1::END_CAUSE_STOPPED);
  EXPECT_EQ(done.end().reason(), "enough");
  EXPECT_EQ(worker->starts().size(), 2U);
}

TEST_F(PartsTest, AHeldWholeStartsNoMorePartsUntilItIsReleased) {
  v1::JobSpec held = array(2);
  held.set_hold(true);
  const std::string job = submit(held);
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string other = submit(spec("other"));
  watch_until(other, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(get(job).parts().queued(), 2);
  v1::ReleaseJobRequest request;
  request.set_job_id(job);
  v1::ReleaseJobResponse response;
  ASSERT_TRUE(jobs_->ReleaseJob(context().get(), request, &response).ok());
  EXPECT_TRUE(worker->wait_starts(3));
}

TEST_F(PartsTest, APartForEachWorkerThatMatches) {
  EXPECT_EQ(
      [&] {
        v1::JobSpec none = spec("none");
        none.set_one_per_worker(true);
        v1::SubmitJobResponse response;
        return try_submit(none, "", response).error_code();
      }(),
      grpc::StatusCode::FAILED_PRECONDITION)
      << "there is no worker";
  const auto one = make_worker(kWorkerOne, "one");
  const auto two = make_worker(kWorkerTwo, "two");
  v1::JobSpec all = spec("all");
  all.set_one_per_worker(true);
  const std::string job = submit(all);
  ASSERT_TRUE(one->wait_starts(1));
  ASSERT_TRUE(two->wait_starts(1));
  const std::vector<v1::Job> made = parts(job);
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0].part_worker(), "one");
  EXPECT_EQ(made[1].part_worker(), "two");
  EXPECT_EQ(one->starts()[0].job_id(), made[0].job_id());
  one->end(made[0].job_id(), 0);
  two->end(made[1].job_id(), 9);
  watch_until(job, v1::JOB_STATE_FAILED);
  v1::RetryJobResponse again;
  ASSERT_TRUE(retry(job, &again).ok());
  ASSERT_TRUE(two->wait_starts(2));
  EXPECT_EQ(get(again.job_id()).parts().total(), 1) << "only where it failed";
}

TEST_F(PartsTest, ARequestThatComesTwiceMakesOneArray) {
  const std::string first = submit(array(20), "nightly");
  EXPECT_EQ(submit(array(20), "nightly"), first);
  restart();
  EXPECT_EQ(submit(array(20), "nightly"), first);
  EXPECT_EQ(listed().size(), 1U);
  v1::SubmitJobResponse response;
  EXPECT_EQ(try_submit(array(21), "nightly", response).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(PartsTest, WhatCanOnlyBeDoneToOnePartIsRefusedForTheWhole) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(array(2));
  watch_until(job, v1::JOB_STATE_RUNNING);
  v1::PauseJobRequest request;
  request.set_job_id(job);
  v1::PauseJobResponse response;
  const grpc::Status paused = jobs_->PauseJob(context().get(), request, &response);
  EXPECT_EQ(paused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(paused.error_message().find(job.substr(0, 8) + "/0"), std::string::npos);
  v1::ReadOutputRequest output;
  output.set_job_id(job);
  const auto its_context = context();
  const auto reader = jobs_->ReadOutput(its_context.get(), output);
  v1::ReadOutputResponse piece;
  EXPECT_FALSE(reader->Read(&piece));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(PartsTest, EachProblemOfASpecIsNamed) {
  v1::JobSpec bad = array(0, -1);
  bad.set_priority(5000);
  bad.set_nice(70);
  bad.mutable_stop()->set_signal(400);
  v1::SubmitJobResponse response;
  const Error error = rpc::from_status(try_submit(bad, "", response));
  std::vector<std::string> fields{error.field};
  for (const Error& other : error.more) fields.push_back(other.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"spec.nice", "spec.priority", "spec.stop.signal",
                                              "spec.array.count", "spec.array.max_running"}));
}

}  // namespace
}  // namespace takt::scheduler
