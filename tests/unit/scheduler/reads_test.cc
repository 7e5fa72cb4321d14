// SPDX-License-Identifier: Apache-2.0
// What one account's reads cost another's requests. The order of events proves it: the thread that
// reads stands still until all else is answered.
#include "scheduler/reads.h"

#include <future>

#include "unit/scheduler/principals.h"

namespace takt::scheduler {
namespace {

class ReadsTest : public PrincipalsTest {
 protected:
  void SetUp() override {
    PrincipalsTest::SetUp();
    worker_ = make_worker(kWorkerOne, "one");
  }
  void TearDown() override {
    let_go();
    PrincipalsTest::TearDown();
    worker_.reset();
  }

  // The reader's thread waits in an answer to alice, and her reads fill what may wait of hers.
  void flood() {
    std::promise<void> stands;
    read(alice_, [&stands, go_on = go_on_.get_future().share()] {
      stands.set_value();
      go_on.wait();
    });
    stands.get_future().wait();
    while (!refused_) read(alice_, [this] { order_.emplace_back("alice"); });
  }
  void read(const Client& client, std::function<void()> done) {
    daemon_->core().reads().job({client.principal, rpc::Action::kGetJob, {}}, "none", false,
                                [this, done = std::move(done)](const Result<store::JobView>& view) {
                                  if (view.error().code == ErrorCode::kResourceExhausted)
                                    refused_ = view.error();
                                  else
                                    done();
                                });
  }
  void let_go() {
    if (!std::exchange(gone_on_, true)) go_on_.set_value();
  }

  template <class Request, class Response>
  static grpc::Status act(const Client& client,
                          grpc::Status (v1::JobService::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                          const std::string& job) {
    Request request;
    request.set_job_id(job);
    Response response;
    return (client.jobs.get()->*method)(context().get(), request, &response);
  }

  std::unique_ptr<test::FakeWorker> worker_;
  std::promise<void> go_on_;
  bool gone_on_ = false;
  std::optional<Error> refused_;
  std::vector<std::string> order_;  // of the reader's answers
};

TEST_F(ReadsTest, StoppingWaitsForNoRead) {
  using Stub = v1::JobService::Stub;
  const std::string running = submit_as(bob_, spec("running"));
  watch_until(running, v1::JOB_STATE_RUNNING);
  v1::JobSpec held = spec("waiting");
  held.set_hold(true);
  held.mutable_array()->set_count(2);
  const std::string waiting = submit_as(bob_, held);
  flood();
  const auto hold = act<v1::HoldJobRequest, v1::HoldJobResponse>(bob_, &Stub::HoldJob, waiting);
  EXPECT_TRUE(hold.ok()) << hold.error_message();
  const auto part =
      act<v1::StopJobRequest, v1::StopJobResponse>(bob_, &Stub::StopJob, waiting + "/1");
  EXPECT_TRUE(part.ok()) << part.error_message();
  const auto stop = act<v1::StopJobRequest, v1::StopJobResponse>(bob_, &Stub::StopJob, running);
  EXPECT_TRUE(stop.ok()) << stop.error_message();
  ASSERT_TRUE(worker_->wait_stops(1));
  const auto own = act<v1::StopJobRequest, v1::StopJobResponse>(alice_, &Stub::StopJob, waiting);
  EXPECT_EQ(own.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(order_.empty()) << "all of this came before any read";
}

TEST_F(ReadsTest, AnothersReadWaitsForOneReadOfWhoFloods) {
  flood();
  EXPECT_NE(refused_->message.find("reads of alice wait"), std::string::npos) << refused_->message;
  refused_.reset();
  std::promise<std::size_t> before;
  read(bob_, [&] { before.set_value(order_.size()); });
  ASSERT_FALSE(refused_) << refused_->message;
  let_go();
  auto answered = before.get_future();
  ASSERT_EQ(answered.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_LE(answered.get(), 1U);
}

}  // namespace
}  // namespace takt::scheduler
