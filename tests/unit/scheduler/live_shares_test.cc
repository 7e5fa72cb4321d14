// SPDX-License-Identifier: Apache-2.0
// What one account may have of unfinished jobs: their number, and the size of their specs. A
// refusal names the limit, the account's use and what frees it; nothing of the request is kept.
#include <functional>
#include <string>
#include <vector>

#include "unit/scheduler/principals.h"

namespace takt::scheduler {
namespace {

constexpr std::size_t kFat = 600'000;  // two of them are more than 1 MiB

class LiveSharesTest : public PrincipalsTest {
 protected:
  void SetUp() override {
    config_.jobs_max = 8;
    config_.jobs_of_user_max = 4;
    config_.spec_bytes_of_account_max = 1 << 20;
    PrincipalsTest::SetUp();
  }

  static v1::JobSpec fat() {
    v1::JobSpec spec = SchedulerTest::spec();
    spec.set_stdin_data(std::string(kFat, 'x'));
    return spec;
  }
  static grpc::Status try_as(const Client& client, const std::vector<v1::JobSpec>& specs) {
    v1::SubmitJobsRequest request;
    for (const v1::JobSpec& spec : specs) *request.add_specs() = spec;
    v1::SubmitJobsResponse response;
    return client.jobs->SubmitJobs(context().get(), request, &response);
  }
  static void expect_refused(const grpc::Status& status, const std::vector<std::string>& texts) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    for (const std::string& text : texts)
      EXPECT_NE(status.error_message().find(text), std::string::npos) << status.error_message();
  }
  std::int64_t queued() {
    v1::CountJobsResponse counts;
    EXPECT_TRUE(jobs_->CountJobs(context().get(), {}, &counts).ok());
    return counts.queued();
  }
  void end(const std::string& job) {
    stop_job(job, "");
    watch_until(job, v1::JOB_STATE_STOPPED);
  }
};

TEST_F(LiveSharesTest, AnAccountHasAtMostItsShareOfUnfinishedJobs) {
  const std::string first = submit_as(alice_, spec());
  for (int i = 0; i < 3; ++i) submit_as(alice_, spec());
  expect_refused(try_as(alice_, {spec()}),
                 {"user alice has 4 jobs", "asks for 1 more", "may have 4",
                  "jobs_of_user_max in [queue]", "stop some"});
  v1::JobSpec array = spec();
  array.mutable_array()->set_count(4);
  expect_refused(try_as(bob_, {array}), {"user bob has 0 jobs", "asks for 5 more"});
  EXPECT_EQ(queued(), 4) << "nothing of what was refused is kept";
  end(first);
  submit_as(alice_, spec());
}

TEST_F(LiveSharesTest, UsersLeaveAQuarterOfTheQueueToOperators) {
  for (int i = 0; i < 3; ++i) {
    submit_as(alice_, spec());
    submit_as(bob_, spec());
  }
  expect_refused(try_as(bob_, {spec()}),
                 {"the queue has 6 jobs", "3 of them of user bob", "beyond 6 it is reserved",
                  "jobs_max in [queue]", "when some have ended"});
  submit(spec());
  submit(spec());
  v1::SubmitJobResponse response;
  expect_refused(try_submit(spec(), "", response), {"the queue is full: 8"});
}

TEST_F(LiveSharesTest, TheLimitOfAnAccountDoesNotBindOperators) {
  for (int i = 0; i < 6; ++i) submit(fat());
  EXPECT_EQ(queued(), 6);
}

TEST_F(LiveSharesTest, SpecsOfUnfinishedJobsAreCountedInBytesAlsoAfterARestart) {
  const std::string first = submit_as(alice_, fat());
  const std::vector<std::string> texts{"unfinished jobs of user alice take 58", "would add 58",
                                       "may have 1.0M", "spec_bytes_of_account_max in [limits]",
                                       "stop some"};
  expect_refused(try_as(alice_, {spec(), fat()}), texts);
  EXPECT_EQ(queued(), 1) << "nothing of what was refused is kept";
  submit_as(bob_, fat());
  drop(alice_);
  drop(bob_);
  restart();
  alice_ = client(user("alice", 4001));
  bob_ = client(user("bob", 4002));
  expect_refused(try_as(alice_, {fat()}), texts);
  end(first);
  v1::JobSpec array = fat();
  array.mutable_array()->set_count(2);
  EXPECT_TRUE(try_as(alice_, {array}).ok()) << "the tasks of an array have one spec";
}

}  // namespace
}  // namespace takt::scheduler
