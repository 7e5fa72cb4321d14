// SPDX-License-Identifier: Apache-2.0
// A worker alone, with this test as its scheduler or as a direct user.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "base/limits.h"
#include "base/uuid.h"
#include "component/fleet.h"
#include "rpc/channel.h"
#include "support/bad_times.h"

namespace takt::component {
namespace {

// A scheduler's end of a session.
class Session {
 public:
  Session(v1::WorkerService::Stub& stub, std::unique_ptr<grpc::ClientContext> context)
      : context_(std::move(context)), stream_(stub.Session(context_.get())) {}
  // Says good-bye rather than cancel, which would overtake what was written last.
  ~Session() {
    if (finished_) return;
    stream_->WritesDone();
    finish();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void hello(const std::string& store, std::int64_t epoch) {
    v1::SessionRequest message;
    message.mutable_hello()->set_store_id(store);
    message.mutable_hello()->set_epoch(epoch);
    stream_->Write(message);
  }
  void start(const std::string& job, const v1::JobSpec& spec) {
    v1::SessionRequest message;
    message.mutable_start()->set_job_id(job);
    message.mutable_start()->set_attempt(1);
    *message.mutable_start()->mutable_spec() = spec;
    stream_->Write(message);
  }
  void stop(const std::string& job) {
    v1::SessionRequest message;
    message.mutable_stop()->set_job_id(job);
    message.mutable_stop()->set_attempt(1);
    message.mutable_stop()->set_stopped_by("the test");
    stream_->Write(message);
  }
  void acknowledge(const std::string& job) {
    v1::SessionRequest message;
    message.mutable_acknowledge()->set_job_id(job);
    message.mutable_acknowledge()->set_attempt(1);
    stream_->Write(message);
  }
  // The attempts up to the list's end.
  std::vector<v1::Attempt> list() {
    std::vector<v1::Attempt> attempts;
    v1::SessionResponse message;
    bool hello = false;
    while (stream_->Read(&message)) {
      hello = hello || message.has_hello();
      EXPECT_TRUE(hello) << "first comes the hello";
      for (const v1::AttemptReport& report : message.list().reports())
        attempts.push_back(report.attempt());
      if (!message.has_list_end()) continue;
      EXPECT_EQ(message.list_end().count(), static_cast<std::int64_t>(attempts.size()));
      return attempts;
    }
    ADD_FAILURE() << "no list: " << finish().error_message();
    return attempts;
  }
  // Reads on until the job's report has this state.
  v1::Attempt wait(const std::string& job, v1::JobState state) {
    v1::SessionResponse message;
    while (stream_->Read(&message)) {
      const v1::Attempt& attempt = message.report().attempt();
      if (attempt.job_id() == job && attempt.state() == state) return attempt;
    }
    ADD_FAILURE() << v1::JobState_Name(state) << ": " << finish().error_message();
    return {};
  }
  void describe(const std::string& job) {
    v1::SessionRequest message;
    message.mutable_describe()->set_job_id(job);
    message.mutable_describe()->set_attempt(1);
    stream_->Write(message);
  }
  // Reads on until the start of this job is refused, and says why. Fails on a report of it.
  std::string wait_refused(const std::string& job) {
    v1::SessionResponse message;
    while (stream_->Read(&message)) {
      EXPECT_NE(message.report().attempt().job_id(), job) << "another owner's attempt is reported";
      if (message.refused().job_id() == job) return message.refused().message();
      if (message.report().attempt().job_id() == job) return "";
    }
    ADD_FAILURE() << "not refused: " << finish().error_message();
    return "";
  }
  // Reads on until the worker describes the job's attempt; whether it knows what that runs.
  bool wait_description(const std::string& job) {
    v1::SessionResponse message;
    while (stream_->Read(&message))
      if (message.description().job_id() == job) return message.description().has_spec();
    ADD_FAILURE() << "no description: " << finish().error_message();
    return false;
  }
  // Reads until the worker ends it.
  grpc::Status finish() {
    v1::SessionResponse message;
    while (stream_->Read(&message)) {
    }
    finished_ = true;
    return stream_->Finish();
  }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>> stream_;
  bool finished_ = false;
};

class Sessions : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    worker_ = &add_worker("one");
  }
  std::unique_ptr<Session> open(std::int64_t epoch) {
    auto session = std::make_unique<Session>(worker_->stub(), context());
    session->hello(store_, epoch);
    return session;
  }

  WorkerProcess* worker_ = nullptr;
  const std::string store_ = Uuid::random().str();
  const std::string job_ = Uuid::random().str();
};

TEST_F(Sessions, EveryTimeOfEveryRequestIsChecked) {
  auto channel = rpc::make_channel(worker_->socket());
  ASSERT_TRUE(channel.ok()) << channel.error().message;
  const auto all = test::bad_times(v1::WorkerService::service_full_name());
  EXPECT_GT(all.size(), 40U);
  for (const test::BadTime& bad : all) {
    const grpc::Status status = test::call(*channel, bad);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << bad.method << " " << bad.field << " " << bad.what << ": " << status.error_message();
    EXPECT_EQ(status.error_message().find(bad.field + ": "), 0U)
        << bad.method << " " << bad.what << ": " << status.error_message();
  }
}

TEST_F(Sessions, AHigherEpochTakesOverAndALowerOneIsRefused) {
  const auto first = open(5);
  EXPECT_TRUE(first->list().empty());
  Gate gate(shared("gate"));
  first->start(job_, sh(": < " + gate.path()));
  first->wait(job_, v1::JOB_STATE_RUNNING);

  const auto second = open(6);
  const auto listed = second->list();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].job_id(), job_);
  EXPECT_EQ(listed[0].state(), v1::JOB_STATE_RUNNING);
  const grpc::Status over = first->finish();
  EXPECT_FALSE(over.ok());
  EXPECT_NE(over.error_message().find("took over"), std::string::npos) << over.error_message();

  const auto old = open(5);
  const grpc::Status refused = old->finish();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(refused.error_message().find("epoch 5"), std::string::npos) << refused.error_message();

  gate.open();
  second->wait(job_, v1::JOB_STATE_SUCCEEDED);
  second->acknowledge(job_);
}

TEST_F(Sessions, AnEndIsToldUntilItIsAcknowledged) {
  {
    const auto first = open(1);
    first->list();
    first->start(job_, sh("exit 4"));
    first->wait(job_, v1::JOB_STATE_FAILED);
  }
  EXPECT_EQ(worker_->active().size(), 1U) << "nobody has acknowledged it";
  const auto second = open(1);
  const auto listed = second->list();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].end().exit_code(), 4);
  second->acknowledge(job_);
  EXPECT_TRUE(eventually([&] { return worker_->active().empty(); }));
  EXPECT_TRUE(open(1)->list().empty());
}

TEST_F(Sessions, AStartThatComesTwiceRunsOnce) {
  const auto session = open(1);
  session->list();
  for (int i = 0; i < 3; ++i) session->start(job_, sh("echo ran >> " + shared("witness")));
  session->wait(job_, v1::JOB_STATE_SUCCEEDED);
  session->start(job_, sh("echo ran >> " + shared("witness")));
  EXPECT_EQ(session->wait(job_, v1::JOB_STATE_SUCCEEDED).end().exit_code(), 0);
  session->acknowledge(job_);
  EXPECT_TRUE(eventually([&] { return worker_->active().empty(); }));
  session->start(job_, sh("echo ran >> " + shared("witness")));
  session->wait(job_, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(read_shared("witness"), "ran\n");
}

// Each end names its folder twice: 8 kB an attempt.
TEST_F(Sessions, AttemptsOfManyLongTextsAreListedInPagesThatFit) {
  constexpr int kLongJobs = 600;
  const auto session = open(1);
  session->list();
  v1::JobSpec spec = sh("true");
  for (int i = 0; i < 20; ++i) *spec.mutable_working_directory() += "/" + std::string(200, 'x');
  std::set<std::string> jobs;
  for (int i = 0; i < kLongJobs; ++i) {
    const std::string job = Uuid::random().str();
    session->start(job, spec);
    EXPECT_GT(session->wait(job, v1::JOB_STATE_FAILED).ByteSizeLong(), 7000U);
    session->acknowledge(job);
    jobs.insert(job);
  }
  std::set<std::string> listed;
  v1::WorkerServiceListJobsRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  int pages = 0;
  do {
    v1::WorkerServiceListJobsResponse page;
    const grpc::Status status = worker_->stub().ListJobs(context().get(), request, &page);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_LE(page.ByteSizeLong(), limits::kPageMaxBytes + limits::kKiB);
    for (const v1::Attempt& attempt : page.attempts())
      EXPECT_TRUE(listed.insert(attempt.job_id()).second) << "twice";
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, jobs);
  EXPECT_GT(pages, 2);
}

TEST_F(Sessions, AStopThatComesBeforeItsStartIsRemembered) {
  const auto session = open(1);
  session->list();
  session->stop(job_);
  session->start(job_, sh("echo ran >> " + shared("witness")));
  const v1::Attempt stopped = session->wait(job_, v1::JOB_STATE_STOPPED);
  EXPECT_EQ(stopped.end().stopped_by(), "the test");
  EXPECT_FALSE(stopped.has_start_time());
  EXPECT_EQ(read_shared("witness"), "");
  session->acknowledge(job_);
}

TEST_F(Sessions, OneStoreSeesNothingOfAnother) {
  const auto mine = open(1);
  mine->list();
  mine->start(job_, sh("true"));
  mine->wait(job_, v1::JOB_STATE_SUCCEEDED);
  Session other(worker_->stub(), context());
  other.hello(Uuid::random().str(), 1);
  EXPECT_TRUE(other.list().empty());
  other.start(job_, sh("echo taken"));
  EXPECT_NE(other.wait_refused(job_).find(store_), std::string::npos) << "it names the owner";
  other.acknowledge(job_);
  other.describe(job_);
  EXPECT_FALSE(other.wait_description(job_));
  EXPECT_EQ(open(1)->list().size(), 1U) << "acknowledged by a stranger";
  const auto again = open(1);
  again->list();
  again->acknowledge(job_);
}

TEST_F(Sessions, WithoutAHelloThereIsNone) {
  Session session(worker_->stub(), context());
  session.acknowledge(job_);
  EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

// --- direct use ---

TEST_F(Sessions, ADirectAttemptIsOutOfReachOfEveryScheduler) {
  v1::WorkerServiceStartJobRequest request;
  *request.mutable_spec() = sh("exec sleep 1000");
  v1::WorkerServiceStartJobResponse started;
  ASSERT_TRUE(worker_->stub().StartJob(context().get(), request, &started).ok());
  const std::string job = started.attempt().job_id();
  const auto session = open(1);
  EXPECT_TRUE(session->list().empty());
  session->start(job, sh("true"));
  EXPECT_NE(session->wait_refused(job), "");
  session->stop(job);
  session->describe(job);
  EXPECT_FALSE(session->wait_description(job)) << "and what came before has been done";
  EXPECT_NE(worker_->log().find("refused a start of scheduler store " + store_), std::string::npos);

  v1::QueryJobRequest query;
  query.set_job_id(job);
  v1::QueryJobResponse found;
  ASSERT_TRUE(worker_->stub().QueryJob(context().get(), query, &found).ok());
  EXPECT_EQ(found.attempt().state(), v1::JOB_STATE_RUNNING) << "no scheduler stops it";
  v1::WorkerServiceStopJobRequest stop;
  stop.set_job_id(job);
  v1::WorkerServiceStopJobResponse stopping;
  EXPECT_TRUE(worker_->stub().StopJob(context().get(), stop, &stopping).ok());
}

TEST_F(Sessions, DirectUseNeedsNoScheduler) {
  v1::WorkerServiceStartJobRequest request;
  request.set_request_id("direct");
  *request.mutable_spec() = sh("echo direct; exit 2");
  v1::WorkerServiceStartJobResponse started;
  grpc::Status status = worker_->stub().StartJob(context().get(), request, &started);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GE(started.attempt().state(), v1::JOB_STATE_RUNNING);

  const std::string job = started.attempt().job_id();
  v1::WorkerServiceReadOutputRequest read;
  read.set_job_id(job);
  read.set_follow(true);
  const auto with_deadline = context();
  const auto reader = worker_->stub().ReadOutput(with_deadline.get(), read);
  const Output output = read_all_output(*reader, v1::WorkerServiceReadOutputResponse());
  EXPECT_TRUE(output.complete) << output.status.error_message();
  EXPECT_EQ(output.out, "direct\n");

  v1::QueryJobRequest query;
  query.set_job_id(job);
  v1::QueryJobResponse found;
  status = worker_->stub().QueryJob(context().get(), query, &found);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(found.attempt().end().exit_code(), 2);
  // Its end is owed to nobody.
  EXPECT_TRUE(eventually([&] { return worker_->active().empty(); }));
  status = worker_->stub().StartJob(context().get(), request, &started);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(started.attempt().end().exit_code(), 2) << "the first one's end, nothing runs twice";
}

TEST_F(Sessions, ADirectJobIsStoppedDirectly) {
  v1::WorkerServiceStartJobRequest request;
  *request.mutable_spec() = sh("exec sleep 1000");
  v1::WorkerServiceStartJobResponse started;
  ASSERT_TRUE(worker_->stub().StartJob(context().get(), request, &started).ok());
  const std::string job = started.attempt().job_id();
  v1::WorkerServiceStopJobRequest stop;
  stop.set_job_id(job);
  stop.set_reason("enough");
  v1::WorkerServiceStopJobResponse stopping;
  ASSERT_TRUE(worker_->stub().StopJob(context().get(), stop, &stopping).ok());
  v1::QueryJobRequest query;
  query.set_job_id(job);
  v1::QueryJobResponse found;
  EXPECT_TRUE(eventually([&] {
    return worker_->stub().QueryJob(context().get(), query, &found).ok() &&
           found.attempt().has_end();
  }));
  EXPECT_EQ(found.attempt().state(), v1::JOB_STATE_STOPPED);
  EXPECT_EQ(found.attempt().end().reason(), "enough");
  query.set_job_id(Uuid::random().str());
  EXPECT_EQ(worker_->stub().QueryJob(context().get(), query, &found).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace takt::component
