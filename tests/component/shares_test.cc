// SPDX-License-Identifier: Apache-2.0
// One user takes all that they may; root and other users are served.
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/limits.h"
#include "component/fleet.h"
#include "support/connect_as.h"

namespace takt::component {
namespace {

class SharesOfAccounts : public Fleet {
 protected:
  void SetUp() override {
    Fleet::SetUp();
    v1::CountJobsResponse response;  // it listens
    ASSERT_TRUE(jobs_->CountJobs(context().get(), v1::CountJobsRequest(), &response).ok());
  }
  std::string scheduler_extra() override { return "[access]\ngroup = nogroup\n"; }
  WorkerProcess& add() {
    return add_worker(
        "one",
        {.labels = "", .slots = 300, .starts_at_once = 32, .extra = "[access]\ngroup = nogroup\n"});
  }
  // A connection of user nobody, without retries.
  static std::shared_ptr<grpc::Channel> as_nobody(const DaemonProcess& daemon) {
    UniqueFd connection =
        test::connect_as(daemon.socket().substr(sizeof "unix:" - 1), kNobody, kNogroup, {});
    EXPECT_TRUE(set_nonblocking(connection.get(), true).ok());
    return grpc::CreateInsecureChannelFromFd("nobody", connection.release());
  }
};

// A stream, and whether it is served: its first message has come.
template <class Reader, class Response>
struct Stream {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<Reader> reader;

  bool served() {
    Response response;
    return reader->Read(&response);
  }
};

template <class Streams>
void end_all(Streams& streams) {
  for (auto& stream : streams) stream.context->TryCancel();
  for (auto& stream : streams) static_cast<void>(stream.reader->Finish());
  streams.clear();
}

// Opens streams until one is refused, or there are `most` of them; gives how that one ended.
template <class Streams, class Open>
grpc::Status take_all(Streams& streams, std::size_t most, Open open) {
  while (streams.size() < most) {
    auto stream = open();
    if (!stream.served()) return stream.reader->Finish();
    streams.push_back(std::move(stream));
  }
  return grpc::Status::OK;
}

void expect_refused(const grpc::Status& status, const std::string& limit) {
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_NE(status.error_message().find("nobody has 256 of the 256"), std::string::npos)
      << status.error_message();
  EXPECT_NE(status.error_message().find(limit), std::string::npos) << status.error_message();
}

TEST_F(SharesOfAccounts, WatchersOfOneLeaveRoomForOthers) {
  using Watch = Stream<grpc::ClientReader<v1::WatchJobsResponse>, v1::WatchJobsResponse>;
  const auto stub = v1::JobService::NewStub(as_nobody(*scheduler_));
  const auto open = [](v1::JobService::Stub& jobs) {
    v1::WatchJobsRequest request;
    request.set_from_now(true);
    Watch watch{context(), nullptr};
    watch.reader = jobs.WatchJobs(watch.context.get(), request);
    return watch;
  };
  std::vector<Watch> watches;
  const grpc::Status last =
      take_all(watches, limits::kWatchersMax + 1, [&] { return open(*stub); });
  std::vector<Watch> of_root;
  of_root.push_back(open(*jobs_));
  EXPECT_TRUE(of_root.back().served()) << "root, while nobody has " << watches.size();
  expect_refused(last, "watchers_of_account_max");
  end_all(of_root);
  end_all(watches);
  EXPECT_TRUE(eventually([&] {
    std::vector<Watch> again;
    again.push_back(open(*stub));
    const bool served = again.back().served();
    end_all(again);
    return served;
  })) << "what has ended is given back";
}

TEST_F(SharesOfAccounts, ReadersOfOneLeaveRoomForOthers) {
  using Read = Stream<grpc::ClientReader<v1::ReadOutputResponse>, v1::ReadOutputResponse>;
  add();
  const auto stub = v1::JobService::NewStub(as_nobody(*scheduler_));
  Gate gate(shared("gate"));
  v1::SubmitJobRequest submission;
  *submission.mutable_spec() = sh("echo begins; : < " + gate.path());
  v1::SubmitJobResponse submitted;
  ASSERT_TRUE(stub->SubmitJob(context().get(), submission, &submitted).ok());
  const std::string job = submitted.job_id();
  const auto open = [&job](v1::JobService::Stub& jobs) {
    v1::ReadOutputRequest request;
    request.set_job_id(job);
    request.set_follow(true);
    Read read{context(), nullptr};
    read.reader = jobs.ReadOutput(read.context.get(), request);
    return read;
  };
  std::vector<Read> reads;
  const grpc::Status last = take_all(reads, limits::kFollowersMax + 1, [&] { return open(*stub); });
  std::vector<Read> of_root;
  of_root.push_back(open(*jobs_));
  EXPECT_TRUE(of_root.back().served()) << "root, while nobody has " << reads.size();
  expect_refused(last, "readers_of_account_max");
  end_all(of_root);
  end_all(reads);
  gate.open();
  ended(job);
}

TEST_F(SharesOfAccounts, ReadersOnAWorkerLeaveRoomForOthers) {
  using Response = v1::WorkerServiceReadOutputResponse;
  using Read = Stream<grpc::ClientReader<Response>, Response>;
  WorkerProcess& worker = add();
  const auto stub = v1::WorkerService::NewStub(as_nobody(worker));
  Gate gate(shared("gate"));
  v1::WorkerServiceStartJobRequest start;
  *start.mutable_spec() = sh("echo begins; : < " + gate.path());
  v1::WorkerServiceStartJobResponse started;
  const grpc::Status status = stub->StartJob(context().get(), start, &started);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const std::string job = started.attempt().job_id();
  const auto open = [&job](v1::WorkerService::Stub& jobs) {
    v1::WorkerServiceReadOutputRequest request;
    request.set_job_id(job);
    request.set_follow(true);
    Read read{context(), nullptr};
    read.reader = jobs.ReadOutput(read.context.get(), request);
    return read;
  };
  std::vector<Read> reads;
  const grpc::Status last = take_all(reads, limits::kFollowersMax + 1, [&] { return open(*stub); });
  std::vector<Read> of_root;
  of_root.push_back(open(worker.stub()));
  EXPECT_TRUE(of_root.back().served()) << "root, while nobody has " << reads.size();
  expect_refused(last, "readers_of_account_max");
  end_all(of_root);
  gate.open();
  while (!reads.empty() && reads.back().served()) {
  }  // to its end
  end_all(reads);
}

TEST_F(SharesOfAccounts, ConnectionsOfOneLeaveRoomForOthers) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  grpc::Status last;
  const auto count = [](grpc::Channel& channel) {
    const auto stub =
        v1::JobService::NewStub(std::shared_ptr<grpc::Channel>(&channel, [](auto*) {}));
    v1::CountJobsResponse response;
    return stub->CountJobs(context().get(), v1::CountJobsRequest(), &response);
  };
  while (channels.size() < 2 * limits::kConnectionsOfAccount) {
    channels.push_back(as_nobody(*scheduler_));
    last = count(*channels.back());
    if (!last.ok()) break;
  }
  v1::CountJobsResponse response;
  EXPECT_TRUE(jobs_->CountJobs(context().get(), v1::CountJobsRequest(), &response).ok()) << "root";
  expect_refused(last, "connections_of_account_max");
  EXPECT_TRUE(count(*channels.front()).ok()) << "the ones before";
  channels.clear();
  EXPECT_TRUE(eventually([&] { return count(*as_nobody(*scheduler_)).ok(); }))
      << "what has closed is given back";
}

TEST_F(SharesOfAccounts, LimitsShowWhatAnAccountHolds) {
  const auto stub = v1::JobService::NewStub(as_nobody(*scheduler_));
  v1::SubmitJobRequest submission;
  *submission.mutable_spec() = sh("exit 0");  // there is no worker: it waits
  v1::SubmitJobResponse submitted;
  ASSERT_TRUE(stub->SubmitJob(context().get(), submission, &submitted).ok());
  v1::WatchJobsRequest watch;
  watch.set_from_now(true);
  const auto watching = context();
  const auto reader = stub->WatchJobs(watching.get(), watch);
  v1::WatchJobsResponse change;
  ASSERT_TRUE(reader->Read(&change));
  v1::GetLimitsRequest request;
  v1::GetLimitsResponse own;
  ASSERT_TRUE(stub->GetLimits(context().get(), request, &own).ok());
  EXPECT_EQ(own.account(), "nobody");
  EXPECT_FALSE(own.is_privileged());
  std::map<std::string, v1::ResourceLimit> limits;
  for (const v1::ResourceLimit& limit : own.limits()) limits[limit.resource()] = limit;
  EXPECT_EQ(limits["watchers"].used(), 1);
  EXPECT_EQ(limits["watchers"].limit(), 256);
  EXPECT_EQ(limits["watchers"].key(), "watchers_of_account_max");
  EXPECT_EQ(limits["connections"].used(), 1);
  EXPECT_GE(limits["connections"].all_used(), 2) << "root's, too";
  EXPECT_EQ(limits["requests in flight"].used(), 1) << "this one";
  EXPECT_EQ(limits["live jobs"].used(), 1);
  EXPECT_EQ(limits["waiting reads"].used(), 0);

  request.set_account("nobody");
  v1::GetLimitsResponse seen;
  ASSERT_TRUE(jobs_->GetLimits(context().get(), request, &seen).ok()) << "an operator";
  EXPECT_EQ(seen.account(), "nobody");
  limits.clear();
  for (const v1::ResourceLimit& limit : seen.limits()) limits[limit.resource()] = limit;
  EXPECT_EQ(limits["watchers"].used(), 1);
  EXPECT_EQ(limits["live jobs"].used(), 1);
  ASSERT_TRUE(stub->GetLimits(context().get(), request, &seen).ok()) << "by its own name";
  request.set_account("daemon");
  EXPECT_EQ(stub->GetLimits(context().get(), request, &seen).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  v1::GetLimitsResponse of_root;
  ASSERT_TRUE(jobs_->GetLimits(context().get(), {}, &of_root).ok());
  EXPECT_TRUE(of_root.is_privileged());
  EXPECT_FALSE(of_root.limits(0).has_limit());
  watching->TryCancel();
  static_cast<void>(reader->Finish());
  stop(submitted.job_id(), "the end of the test");
  ended(submitted.job_id());
}

// At the scheduler and at a worker that is called directly.
TEST_F(SharesOfAccounts, OnlyOperatorsTakePrecedenceOverOthers) {
  WorkerProcess& worker = add();
  const auto scheduler = v1::JobService::NewStub(as_nobody(*scheduler_));
  const auto direct = v1::WorkerService::NewStub(as_nobody(worker));
  const std::pair<const char*, void (*)(v1::JobSpec&)> wishes[] = {
      {"spec.nice: -5", [](v1::JobSpec& spec) { spec.set_nice(-5); }},
      {"spec.cpu_weight: 200", [](v1::JobSpec& spec) { spec.set_cpu_weight(200); }},
      {"spec.io_weight: 101", [](v1::JobSpec& spec) { spec.set_io_weight(101); }}};
  for (const auto& [says, ask] : wishes) {
    v1::JobSpec spec = sh("exit 0");
    ask(spec);
    v1::SubmitJobRequest submission;
    *submission.mutable_spec() = spec;
    v1::SubmitJobResponse submitted;
    v1::WorkerServiceStartJobRequest start;
    *start.mutable_spec() = spec;
    v1::WorkerServiceStartJobResponse started;
    for (const grpc::Status& status :
         {scheduler->SubmitJob(context().get(), submission, &submitted),
          direct->StartJob(context().get(), start, &started)}) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << says;
      EXPECT_NE(status.error_message().find(says), std::string::npos) << status.error_message();
    }
  }
  v1::JobSpec of_root = sh("nice");
  of_root.set_nice(-5);
  EXPECT_EQ(follow(submit(of_root)).out, "-5\n");
}

class FewRequests : public SharesOfAccounts {
 protected:
  std::string scheduler_extra() override {
    return SharesOfAccounts::scheduler_extra() + "[limits]\nrequests_of_account_max = 2\n";
  }
};

// Two pauses of a worker that does not answer are all that one may have in flight here.
TEST_F(FewRequests, OfOneAccountLeaveRoomForOthers) {
  const WorkerProcess& worker = add();
  const auto stub = v1::JobService::NewStub(as_nobody(*scheduler_));
  v1::SubmitJobRequest submission;
  *submission.mutable_spec() = sh("exec sleep 1000");
  v1::SubmitJobResponse submitted;
  ASSERT_TRUE(stub->SubmitJob(context().get(), submission, &submitted).ok());
  const std::string job = submitted.job_id();
  ASSERT_TRUE(wait_state(job, v1::JOB_STATE_RUNNING));
  worker.signal(SIGSTOP);
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    v1::PauseJobResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PauseJobResponse>> reader;
  };
  grpc::CompletionQueue queue;
  std::vector<Call> calls(3);
  v1::PauseJobRequest request;
  request.set_job_id(job);
  for (Call& call : calls) {
    call.context = context();
    call.reader = stub->AsyncPauseJob(call.context.get(), request, &queue);
    call.reader->Finish(&call.response, &call.status, &call);
  }
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  const grpc::Status& first = static_cast<Call*>(tag)->status;
  EXPECT_EQ(first.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << first.error_message();
  EXPECT_NE(first.error_message().find("nobody has 2 of the 2 requests in flight"),
            std::string::npos)
      << first.error_message();
  EXPECT_EQ(get(job).job_id(), job) << "root";
  worker.signal(SIGCONT);
  for (int left = 2; left > 0; --left) ASSERT_TRUE(queue.Next(&tag, &ok));
  queue.Shutdown();
  EXPECT_TRUE(eventually([&] {
    v1::ResumeJobRequest resume;
    resume.set_job_id(job);
    v1::ResumeJobResponse resumed;
    return stub->ResumeJob(context().get(), resume, &resumed).error_code() !=
           grpc::StatusCode::RESOURCE_EXHAUSTED;
  }));
  stop(job, "the end of the test");
  ended(job);
}

}  // namespace
}  // namespace takt::component
