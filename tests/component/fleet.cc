// SPDX-License-Identifier: Apache-2.0
#include "component/fleet.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "base/check.h"
#include "base/fs.h"
#include "rpc/channel.h"

namespace takt::component {
namespace {

constexpr mode_t kEveryone = 0777;

}  // namespace

Gate::Gate(std::string path) : path_(std::move(path)) {
  TAKT_CHECK(::mkfifo(path_.c_str(), kEveryone) == 0, "mkfifo %s", path_.c_str());
  TAKT_CHECK(::chmod(path_.c_str(), kEveryone) == 0, "chmod %s", path_.c_str());
}

void Gate::open() {
  auto writer = open_at(AT_FDCWD, path_, O_RDWR);
  TAKT_CHECK(writer.ok(), "%s", path_.c_str());
  writer_ = std::move(*writer);
}

Fleet::Fleet() {
  // Jobs of any user go through the folders that tests make.
  ::umask(0022);
  // What outlives its parent comes to us, so that nothing gets out of sight.
  TAKT_CHECK(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, "subreaper");
  TAKT_CHECK(::chmod(folder_.path().c_str(), kPassThrough) == 0, "chmod");
  const std::string common = folder_.path() + "/shared";
  TAKT_CHECK(::mkdir(common.c_str(), kEveryone) == 0, "mkdir");
  TAKT_CHECK(::chmod(common.c_str(), kEveryone) == 0, "chmod");
}

void Fleet::SetUp() {
  scheduler_ = std::make_unique<SchedulerProcess>(folder_.path(), scheduler_extra());
  scheduler_->start();
  auto channel = rpc::make_channel(scheduler_->socket());
  ASSERT_TRUE(channel.ok()) << channel.error().message;
  jobs_ = v1::JobService::NewStub(*channel);
  operator_ = v1::OperatorService::NewStub(*channel);
}

void Fleet::TearDown() {
  for (const auto& worker : workers_) {
    if (!worker->running()) continue;
    EXPECT_TRUE(eventually([&] { return worker->active().empty(); }))
        << worker->name() << " still owes " << worker->active().front();
    EXPECT_TRUE(eventually([&] { return !worker->populated(); }))
        << worker->name() << " has processes of ended jobs";
    worker->stop();
    EXPECT_FALSE(worker->has_cgroup()) << worker->name();
  }
  scheduler_->stop();
  EXPECT_TRUE(eventually([] {
    test::reap_orphans();
    return test::children_of(::getpid()).empty();
  })) << "process "
      << test::children_of(::getpid()).front() << " is left";
  if (HasFailure()) print_logs();
  workers_.clear();
}

void Fleet::print_logs() const {
  std::fprintf(stderr, "--- scheduler\n%s", scheduler_->log().c_str());
  for (const auto& worker : workers_)
    std::fprintf(stderr, "--- worker %s\n%s", worker->name().c_str(), worker->log().c_str());
}

WorkerProcess& Fleet::make_worker(const std::string& name, const WorkerOptions& options) {
  workers_.push_back(
      std::make_unique<WorkerProcess>(folder_.path(), name, scheduler_->socket(), options));
  return *workers_.back();
}

WorkerProcess& Fleet::add_worker(const std::string& name, const WorkerOptions& options) {
  WorkerProcess& worker = make_worker(name, options);
  worker.start();
  EXPECT_TRUE(wait_worker(name, v1::WORKER_STATE_READY)) << name << "\n" << worker.log();
  return worker;
}

bool Fleet::wait_worker(const std::string& name, v1::WorkerState state) {
  return eventually([&] {
    v1::ListWorkersResponse response;
    if (!operator_->ListWorkers(context().get(), {}, &response).ok()) return false;
    for (const v1::Worker& worker : response.workers())
      if (worker.name() == name && worker.state() == state) return true;
    return false;
  });
}

std::unique_ptr<grpc::ClientContext> Fleet::context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + test::kPatience);
  return context;
}

v1::JobSpec Fleet::sh(const std::string& text) {
  v1::JobSpec spec;
  for (const char* word : {"/bin/sh", "-c"}) spec.add_argv(word);
  spec.add_argv(text);
  return spec;
}

grpc::Status Fleet::try_submit(const v1::JobSpec& spec, const std::string& request_id,
                               std::string& job) {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = spec;
  request.set_request_id(request_id);
  v1::SubmitJobResponse response;
  const grpc::Status status = jobs_->SubmitJob(context().get(), request, &response);
  job = response.job_id();
  return status;
}

std::string Fleet::submit(const v1::JobSpec& spec) {
  std::string job;
  const grpc::Status status = try_submit(spec, "", job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

std::vector<std::string> Fleet::submit_all(const std::vector<v1::JobSpec>& specs) {
  v1::SubmitJobsRequest request;
  request.mutable_specs()->Add(specs.begin(), specs.end());
  v1::SubmitJobsResponse response;
  const grpc::Status status = jobs_->SubmitJobs(context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.job_ids_size(), static_cast<int>(specs.size()));
  return {response.job_ids().begin(), response.job_ids().end()};
}

v1::Job Fleet::get(const std::string& job) {
  v1::GetJobRequest request;
  request.set_job_id(job);
  v1::GetJobResponse response;
  const grpc::Status status = jobs_->GetJob(context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << job << ": " << status.error_message();
  return response.job();
}

bool Fleet::wait_state(const std::string& job, v1::JobState state) {
  return eventually([&] { return get(job).state() == state; });
}

v1::Job Fleet::ended(const std::string& job) {
  v1::Job found;
  EXPECT_TRUE(eventually([&] {
    found = get(job);
    return found.has_end();
  })) << job
      << " is " << v1::JobState_Name(found.state());
  return found;
}

v1::StopJobResponse Fleet::stop(const std::string& job, const std::string& reason) {
  v1::StopJobRequest request;
  request.set_job_id(job);
  request.set_reason(reason);
  v1::StopJobResponse response;
  const grpc::Status status = jobs_->StopJob(context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << job << ": " << status.error_message();
  return response;
}

Output Fleet::follow(const std::string& job, std::int64_t stdout_offset,
                     std::int64_t stderr_offset) {
  v1::ReadOutputRequest request;
  request.set_job_id(job);
  request.set_follow(true);
  request.set_stdout_offset(stdout_offset);
  request.set_stderr_offset(stderr_offset);
  const auto with_deadline = context();
  const auto reader = jobs_->ReadOutput(with_deadline.get(), request);
  return read_all_output(*reader, v1::ReadOutputResponse());
}

std::string Fleet::shared(const std::string& name) const {
  return folder_.path() + "/shared/" + name;
}

std::string Fleet::read_shared(const std::string& name) const {
  const auto text = read_file(AT_FDCWD, shared(name), 64 << 20);
  return text ? *text : "";
}

}  // namespace takt::component
