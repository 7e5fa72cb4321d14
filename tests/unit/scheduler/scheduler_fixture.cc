// SPDX-License-Identifier: Apache-2.0
#include "unit/scheduler/scheduler_fixture.h"

#include <chrono>
#include <utility>

#include "rpc/channel.h"

namespace takt::scheduler {
namespace {

using std::chrono::system_clock;

}  // namespace

void SchedulerTest::SetUp() {
  config_.state_directory = folder_.path() + "/state";
  config_.listen = {"unix:" + folder_.path() + "/scheduler.sock"};
  start();
}

void SchedulerTest::start() {
  auto daemon = Daemon::create(config_, {});
  ASSERT_TRUE(daemon.ok()) << daemon.error().message;
  daemon_ = std::move(*daemon);
  thread_ = std::thread([this] {
    const auto code = daemon_->run();
    EXPECT_TRUE(code.ok() && *code == 0);
  });
  auto channel = rpc::make_channel(config_.listen.front());
  ASSERT_TRUE(channel.ok()) << channel.error().message;
  jobs_ = v1::JobService::NewStub(*channel);
  operator_ = v1::OperatorService::NewStub(*channel);
  registry_ = v1::RegistryService::NewStub(*channel);
}

void SchedulerTest::stop() {
  if (daemon_ == nullptr) return;
  daemon_->stop();
  thread_.join();
  daemon_.reset();
}

std::unique_ptr<grpc::ClientContext> SchedulerTest::context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(system_clock::now() + std::chrono::seconds(60));
  return context;
}

std::unique_ptr<test::FakeWorker> SchedulerTest::make_worker(const std::string& id,
                                                             const std::string& name) {
  auto worker = std::make_unique<test::FakeWorker>(id, name, folder_.path() + "/" + name + ".sock");
  worker->serve();
  add_worker(*worker);
  return worker;
}

void SchedulerTest::add_worker(test::FakeWorker& worker) {
  const int before = worker.sessions();
  v1::RegisterWorkerResponse response;
  const grpc::Status status =
      registry_->RegisterWorker(context().get(), worker.registration(), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_FALSE(response.store_id().empty());
  ASSERT_TRUE(worker.wait_sessions(before + 1));
  ASSERT_TRUE(wait_worker(worker.registration().worker_id(), v1::WORKER_STATE_READY));
}

v1::JobSpec SchedulerTest::spec(const std::string& name) {
  v1::JobSpec spec;
  spec.set_name(name);
  spec.add_argv("/bin/true");
  return spec;
}

grpc::Status SchedulerTest::try_submit(const v1::JobSpec& spec, const std::string& request_id,
                                       v1::SubmitJobResponse& response) {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = spec;
  request.set_request_id(request_id);
  return jobs_->SubmitJob(context().get(), request, &response);
}

std::string SchedulerTest::submit(const v1::JobSpec& spec, const std::string& request_id) {
  v1::SubmitJobResponse response;
  const grpc::Status status = try_submit(spec, request_id, response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.job_id();
}

grpc::Status SchedulerTest::try_get(const std::string& key, v1::Job& job) {
  v1::GetJobRequest request;
  request.set_job_id(key);
  v1::GetJobResponse response;
  const grpc::Status status = jobs_->GetJob(context().get(), request, &response);
  job = response.job();
  return status;
}

v1::Job SchedulerTest::get(const std::string& key) {
  v1::Job job;
  const grpc::Status status = try_get(key, job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

v1::StopJobResponse SchedulerTest::stop_job(const std::string& job, const std::string& reason) {
  v1::StopJobRequest request;
  request.set_job_id(job);
  request.set_reason(reason);
  v1::StopJobResponse response;
  const grpc::Status status = jobs_->StopJob(context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

std::vector<v1::WatchJobsResponse> SchedulerTest::watch_until(const std::string& job,
                                                              v1::JobState state,
                                                              std::int64_t after) {
  v1::WatchJobsRequest request;
  request.set_after_revision(after);
  request.add_job_ids(job);
  const auto call = context();
  const auto stream = jobs_->WatchJobs(call.get(), request);
  std::vector<v1::WatchJobsResponse> seen;
  v1::WatchJobsResponse message;
  while (stream->Read(&message)) {
    if (!message.has_event()) continue;
    seen.push_back(message);
    if (message.event().state() == state) {
      call->TryCancel();
      return seen;
    }
  }
  ADD_FAILURE() << "the job never was " << v1::JobState_Name(state) << ": "
                << stream->Finish().error_message();
  return seen;
}

std::vector<v1::Worker> SchedulerTest::workers() {
  v1::ListWorkersResponse response;
  const grpc::Status status = operator_->ListWorkers(context().get(), {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return {response.workers().begin(), response.workers().end()};
}

bool SchedulerTest::wait_worker(const std::string& id, v1::WorkerState state) {
  const auto deadline = system_clock::now() + std::chrono::seconds(60);
  while (system_clock::now() < deadline) {
    for (const v1::Worker& worker : workers()) {
      if (worker.worker_id() == id && worker.state() == state) return true;
    }
  }
  return false;
}

void SchedulerTest::leave_and_forget_one() {
  v1::DeregisterWorkerRequest away;
  away.set_worker_id(kWorkerOne);
  v1::DeregisterWorkerResponse gone;
  ASSERT_TRUE(registry_->DeregisterWorker(context().get(), away, &gone).ok());
  v1::ForgetWorkerRequest request;
  request.set_worker_id("one");
  v1::ForgetWorkerResponse response;
  ASSERT_TRUE(operator_->ForgetWorker(context().get(), request, &response).ok());
}

}  // namespace takt::scheduler
