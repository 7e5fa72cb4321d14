// SPDX-License-Identifier: Apache-2.0
// Small requests that change each task of an array, while the disk of the scheduler stands still:
// how much of it is taken into memory, and who has to wait.
#include <algorithm>
#include <deque>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "base/limits.h"
#include "support/eventually.h"
#include "support/failing_disk.h"
#include "unit/scheduler/principals.h"

namespace takt::scheduler {
namespace {

using test::DiskCall;
using test::eventually;
using test::FailingDisk;

constexpr int kTasks = 500;
constexpr int kRows = kTasks + 1;  // of one change of such an array
constexpr std::size_t kCalls = 16;

// A call under way; it is over when it has a status.
template <class Request, class Response>
struct Call {
  std::unique_ptr<grpc::ClientContext> context;
  Request request;
  Response response;
  std::promise<grpc::Status> promise;
  std::future<grpc::Status> status = promise.get_future();

  [[nodiscard]] bool over() const {
    return status.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
};
using UpdateCall = Call<v1::UpdateJobRequest, v1::UpdateJobResponse>;
using SubmitCall = Call<v1::SubmitJobRequest, v1::SubmitJobResponse>;
using StopCall = Call<v1::StopJobRequest, v1::StopJobResponse>;

class ArrayChangesTest : public PrincipalsTest {
 protected:
  void SetUp() override {
    PrincipalsTest::SetUp();
    counted_ = client(user("carol", 4003), shares_);
  }
  void TearDown() override {
    FailingDisk::heal();
    for (UpdateCall& call : updates_)
      if (call.status.valid()) call.status.wait();
    for (SubmitCall& call : submissions_)
      if (call.status.valid()) call.status.wait();
    drop(counted_);
    PrincipalsTest::TearDown();
  }

  static v1::JobSpec array(int tasks) {
    v1::JobSpec made = spec("array");
    made.mutable_array()->set_count(tasks);
    return made;
  }

  // Calls of updates are in the order of their ends in `ended_`.
  UpdateCall& update(const Client& client, const std::string& job, int priority) {
    UpdateCall& call = updates_.emplace_back();
    call.context = context();
    call.request.set_job_id(job);
    call.request.set_priority(priority);
    client.jobs->async()->UpdateJob(call.context.get(), &call.request, &call.response,
                                    [this, &call, job](const grpc::Status& status) {
                                      {
                                        const std::lock_guard lock(ended_mutex_);
                                        ended_.push_back(job);
                                      }
                                      call.promise.set_value(status);
                                    });
    return call;
  }
  SubmitCall& submit_async(v1::JobService::Stub& jobs, int tasks) {
    SubmitCall& call = submissions_.emplace_back();
    call.context = context();
    *call.request.mutable_spec() = array(tasks);
    jobs.async()->SubmitJob(
        call.context.get(), &call.request, &call.response,
        [&call](const grpc::Status& status) { call.promise.set_value(status); });
    return call;
  }
  static void stop_async(v1::JobService::Stub& jobs, const std::string& job, StopCall& call) {
    call.context = context();
    call.request.set_job_id(job);
    jobs.async()->StopJob(call.context.get(), &call.request, &call.response,
                          [&call](const grpc::Status& status) { call.promise.set_value(status); });
  }

  // What `look` finds on the loop.
  template <class Look>
  auto on_loop(Look look) {
    std::promise<decltype(look(daemon_->core()))> found;
    daemon_->core().run([&] { found.set_value(look(daemon_->core())); },
                        [](const Error& error) { FAIL() << error.message; });
    return found.get_future().get();
  }
  // The revision of the array's last task, which is changed last.
  std::int64_t revision(const std::string& job) {
    return on_loop([&](Core& core) {
      const Wholes::Whole* whole = core.jobs().whole(*Uuid::parse(job));
      return core.jobs().find(whole->live.rbegin()->second)->job.revision;
    });
  }
  std::size_t live_jobs() {
    return on_loop([](Core& core) { return core.jobs().size(); });
  }
  bool is_taken(const Client& client, std::size_t calls) {
    const std::string account = rpc::holder_of(client.principal).account;
    return eventually([&] { return shares_->used(rpc::Share::kRequests, account) == calls; });
  }

  FailingDisk disk_;  // before any connection is open
  const std::shared_ptr<rpc::Shares> shares_ = std::make_shared<rpc::Shares>();
  Client counted_;
  std::deque<UpdateCall> updates_;
  std::deque<SubmitCall> submissions_;
  std::mutex ended_mutex_;
  std::vector<std::string> ended_;
};

TEST_F(ArrayChangesTest, ManyOfOneAccountAreMadeOneAfterAnotherAndRootsStopComesFirst) {
  const std::string job = submit_as(counted_, array(kTasks));
  const std::int64_t before = revision(job);
  FailingDisk::hold(DiskCall::kSync);
  for (std::size_t at = 0; at < kCalls; ++at) update(counted_, job, at % 2 == 0 ? -1 : -2);
  ASSERT_TRUE(is_taken(counted_, kCalls));
  live_jobs();  // the loop has them
  EXPECT_LE(revision(job) - before, kRows) << "one change, the others wait for its commit";
  StopCall stop;
  stop_async(*jobs_, job, stop);
  EXPECT_TRUE(eventually([&] {
    return on_loop([&](Core& core) {
      return core.jobs().find(*Uuid::parse(job))->job.stop_requested.has_value();
    });
  })) << "root's stop does not wait for them";
  FailingDisk::heal();
  EXPECT_TRUE(stop.status.get().ok());
  std::size_t changed = 0;
  for (UpdateCall& call : updates_) {
    const grpc::Status status = call.status.get();
    if (status.ok()) ++changed;
    const bool answered =
        status.ok() || status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
    EXPECT_TRUE(answered) << status.error_message();
  }
  EXPECT_EQ(changed, 1U) << "the others found a job that has ended";
  watch_until(job, v1::JOB_STATE_STOPPED);
  EXPECT_TRUE(is_taken(counted_, 0));
}

TEST_F(ArrayChangesTest, AccountsTakeTurns) {
  const std::string carols = submit_as(counted_, array(kTasks));
  const Client counted = client(user("dave", 4004), shares_);
  const std::string daves = submit_as(counted, array(kTasks));
  FailingDisk::hold(DiskCall::kSync);
  for (std::size_t at = 0; at < kCalls; ++at) update(counted_, carols, at % 2 == 0 ? -1 : -2);
  ASSERT_TRUE(is_taken(counted_, kCalls));
  live_jobs();  // the loop has them
  update(counted, daves, -1);
  ASSERT_TRUE(is_taken(counted, 1));
  live_jobs();
  FailingDisk::heal();
  for (UpdateCall& call : updates_) EXPECT_TRUE(call.status.get().ok());
  const std::lock_guard lock(ended_mutex_);
  const auto at = std::find(ended_.begin(), ended_.end(), daves) - ended_.begin();
  EXPECT_LT(at, static_cast<std::ptrdiff_t>(kCalls / 2)) << "not behind all of carol's";
}

TEST_F(ArrayChangesTest, SubmissionsAreRefusedWhileTooMuchWaitsForTheDiskThoseOfUsersFirst) {
  FailingDisk::hold(DiskCall::kSync);
  // Sends one more array; true if it was taken.
  const auto takes = [this](v1::JobService::Stub& jobs) {
    const std::size_t before = live_jobs();
    SubmitCall& call = submit_async(jobs, limits::kPartsMax);
    EXPECT_TRUE(eventually([&] { return call.over() || live_jobs() > before; }));
    return !call.over();
  };
  std::size_t of_users = 0;
  while (of_users < 9 && takes(*alice_.jobs)) ++of_users;
  EXPECT_GE(of_users, 2U);
  ASSERT_LE(of_users * limits::kPartsMax, 2 * limits::kLedgerOpenMax);
  const grpc::Status refused = submissions_.back().status.get();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_NE(refused.error_message().find("wait for the disk"), std::string::npos)
      << refused.error_message();
  std::size_t of_root = 0;
  while (of_root < 9 && takes(*jobs_)) ++of_root;
  EXPECT_GE(of_root, 1U);
  ASSERT_LE((of_users + of_root) * limits::kPartsMax, 3 * limits::kLedgerOpenMax);
  FailingDisk::heal();
  std::size_t done = 0;
  for (SubmitCall& call : submissions_)
    if (call.status.valid() && call.status.get().ok()) ++done;
  EXPECT_EQ(done, of_users + of_root) << "what was taken is on disk";
}

}  // namespace
}  // namespace takt::scheduler
