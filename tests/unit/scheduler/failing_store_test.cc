// SPDX-License-Identifier: Apache-2.0
// A disk that fails below the scheduler: what was answered is on it, what was not is asked again by
// the same request, and nothing is there twice.
#include <sqlite3.h>

#include <filesystem>
#include <future>
#include <map>

#include "rpc/channel.h"
#include "store/store.h"
#include "support/eventually.h"
#include "support/failing_disk.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

using test::DiskCall;
using test::FailingDisk;

class FailingStoreTest : public SchedulerTest {
 protected:
  // Submits a job of that name until it is taken, as clients do.
  void submit_at_last(const std::string& name) {
    v1::SubmitJobResponse response;
    const bool taken = test::eventually([&] {
      const grpc::Status status = try_submit(spec(name), name, response);
      const bool told = status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE;
      EXPECT_TRUE(told) << status.error_message();
      return status.ok();
    });
    ASSERT_TRUE(taken);
    if (FailingDisk::heal()) ++failures_;
    ids_[name] = response.job_id();
  }
  // By name: that two have would be an error.
  void check_all() {
    for (const auto& [name, id] : ids_) EXPECT_EQ(get(name).job_id(), id);
  }

  FailingDisk failing_;  // before any connection is open
  std::map<std::string, std::string> ids_;
  int failures_ = 0;  // of the disk, that submits have met
};

TEST_F(FailingStoreTest, WhicheverCallFailsASubmitIsOnDiskOnceOrRefused) {
  using Kind = std::pair<DiskCall, int>;
  for (const auto& [call, code] :
       {Kind{DiskCall::kWrite, SQLITE_FULL}, Kind{DiskCall::kTorn, SQLITE_IOERR_WRITE},
        Kind{DiskCall::kSync, SQLITE_IOERR_FSYNC}, Kind{DiskCall::kRead, SQLITE_IOERR_READ}}) {
    for (int nth = 1; nth <= 8; ++nth) {
      const std::string name =
          "job-" + std::to_string(static_cast<int>(call)) + "-" + std::to_string(nth);
      SCOPED_TRACE(name);
      FailingDisk::fail({call, nth, code, false});
      submit_at_last(name);
    }
  }
  EXPECT_GT(failures_, 10);
  check_all();
  restart();
  check_all();
}

TEST_F(FailingStoreTest, ADiskThatFailsForATimeRefusesUntilItWorks) {
  submit_at_last("before");
  FailingDisk::fail({DiskCall::kWrite, 1, SQLITE_IOERR_WRITE, true});
  v1::SubmitJobResponse response;
  const grpc::Status status = try_submit(spec("meanwhile"), "", response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_EQ(get("before").state(), v1::JOB_STATE_QUEUED) << "reads go on";
  EXPECT_TRUE(FailingDisk::heal());
  submit_at_last("after");
  check_all();
  v1::Job none;
  EXPECT_EQ(try_get("meanwhile", none).error_code(), grpc::StatusCode::NOT_FOUND);
}

// A worker that was forgotten comes back with what was given up then.
TEST_F(FailingStoreTest, AnAttemptIsLookedUpAgainUntilTheStoreCanBeRead) {
  const auto one = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  ASSERT_NO_FATAL_FAILURE(leave_and_forget_one());
  watch_until(job, v1::JOB_STATE_FAILED);
  one->forget(job);
  add_worker(*one);  // so that nothing has to be written when it comes with the attempt
  one->die();
  v1::Attempt attempt;
  attempt.set_job_id(job);
  attempt.set_number(1);
  attempt.set_state(v1::JOB_STATE_RUNNING);
  one->hold(attempt);
  FailingDisk::fail({DiskCall::kRead, 1, SQLITE_IOERR_READ, true});
  one->serve();
  ASSERT_TRUE(one->wait_sessions(3));
  v1::Job none;
  ASSERT_TRUE(test::eventually([&] { return !try_get(job, none).ok(); })) << "nothing can be read";
  EXPECT_TRUE(FailingDisk::heal());
  ASSERT_TRUE(one->wait_stops(1));
  EXPECT_EQ(one->stops()[0].job_id(), job);
  EXPECT_EQ(one->sessions(), 3) << "without a new list, which would have it looked up anyway";
}

// Its next start is refused by the lock, or takes the store back in order.
TEST_F(FailingStoreTest, ASchedulerWhoseStoreAnotherHasTakenEnds) {
  stop();
  auto daemon = Daemon::create(config_, {});
  ASSERT_TRUE(daemon.ok()) << daemon.error().message;
  auto code = std::async(std::launch::async, [&] { return (*daemon)->run(); });
  std::filesystem::remove(config_.state_directory + "/lock");
  const auto other = store::Store::open({.directory = config_.state_directory});
  EXPECT_TRUE(other.ok()) << other.error().message;
  // No call is repeated: it would wait for the next one.
  const auto channel = rpc::make_channel(config_.listen.front(), {.retry = false});
  jobs_ = v1::JobService::NewStub(*channel);
  v1::SubmitJobResponse response;
  EXPECT_FALSE(try_submit(spec(), "", response).ok());
  if (code.wait_for(test::kPatience) != std::future_status::ready) {
    ADD_FAILURE() << "it goes on";
    (*daemon)->stop();
  }
  const Result<int> ended = code.get();
  ASSERT_TRUE(ended.ok()) << ended.error().message;
  EXPECT_EQ(*ended, 1);
}

}  // namespace
}  // namespace takt::scheduler
