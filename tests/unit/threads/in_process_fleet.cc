// SPDX-License-Identifier: Apache-2.0
#include "unit/threads/in_process_fleet.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "base/check.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cgroup/cgroup.h"
#include "support/eventually.h"

namespace takt::test {
namespace {

constexpr mode_t kPassThrough = 0711;

std::string cgroup_name(const std::string& name) {
  return "takt-threads-" + std::to_string(::getpid()) + "-" + name;
}

// What a worker leaves to its next life, and there is none.
void remove_cgroup(const std::string& name) {
  auto tree = cgroup::Tree::find();
  TAKT_CHECK(tree.ok(), "%s", tree.error().message.c_str());
  auto root = cgroup::Cgroup::open(*tree, "/");
  TAKT_CHECK(root.ok(), "%s", root.error().message.c_str());
  auto own = root->open_child(name);
  if (!own) return;  // it never ran a job
  static_cast<void>(own->kill());
  EXPECT_TRUE(eventually([&] { return root->remove_child(name).ok(); })) << name << " stays";
}

config::WorkerConfig worker_config(const std::string& folder, const std::string& name) {
  config::WorkerConfig config;
  config.name = name;
  config.state_directory = folder + "/state";
  config.listen = {"unix:" + folder + "/socket"};
  config.address = config.listen.front();
  config.supervisor = TAKT_SUPERVISOR;
  config.scheduler_address = "";  // the test registers it
  config.launcher = config::Launcher::kCgroup;
  config.default_user = "nobody";
  config.slots = 100;
  config.journal = false;
  config.cgroup = cgroup_name(name);
  return config;
}

void make_folder(const std::string& folder) {
  const auto made = make_directories(folder, kPassThrough);
  TAKT_CHECK(made.ok(), "%s", made.error().message.c_str());
}

}  // namespace

InProcessWorker::InProcessWorker(const std::string& folder, const std::string& name)
    : folder_(folder + "/" + name), name_(name) {
  make_folder(folder_);
  std::promise<void> ready;
  thread_ = std::thread([this, &ready] {
    auto daemon = worker::Daemon::create(worker_config(folder_, name_), {});
    TAKT_CHECK(daemon.ok(), "%s", daemon.error().message.c_str());
    daemon_ = std::move(*daemon);
    ready.set_value();
    const auto code = daemon_->run();
    TAKT_CHECK(code.ok() && *code == 0, "the worker ends with an error");
  });
  ready.get_future().wait();
}

InProcessWorker::~InProcessWorker() {
  daemon_->stop();
  thread_.join();
  remove_cgroup(cgroup_name(name_));
}

v1::RegisterWorkerRequest InProcessWorker::registration() const {
  v1::RegisterWorkerRequest request;
  request.set_worker_id(daemon_->parts().core.state.worker_id().str());
  request.set_name(name_);
  request.set_address("unix:" + folder_ + "/socket");
  request.set_boot_id(boot_id());
  request.set_version("test");
  return request;
}

std::size_t InProcessWorker::active() const {
  const auto names = list_directory(AT_FDCWD, folder_ + "/state/active");
  return names ? names->size() : 0;
}

InProcessScheduler::InProcessScheduler(const std::string& folder,
                                       const scheduler::Session::Begin& begin) {
  make_folder(folder);
  auto store = store::Store::open({.directory = folder});
  TAKT_CHECK(store.ok(), "%s", store.error().message.c_str());
  store_ = std::move(*store);
  credentials_ = std::move(*rpc::Credentials::load({}));
  std::promise<void> ready;
  thread_ = std::thread([this, &begin, &ready] {
    loop_ = std::move(*sd::EventLoop::create());
    scheduler::CoreOptions options;
    options.begin_session = begin;
    core_ = std::move(*scheduler::Core::create(*loop_, *store_, *credentials_, options));
    ready.set_value();
    TAKT_CHECK(loop_->run().ok(), "the scheduler's loop ends with an error");
  });
  ready.get_future().wait();
}

// As scheduler::Daemon does it.
void InProcessScheduler::halt() {
  core_->end_streams();
  loop_->exit(0);
  thread_.join();
}

InProcessScheduler::~InProcessScheduler() {
  if (thread_.joinable()) halt();
  store_.reset();
  core_.reset();
}

InProcessFleet::InProcessFleet() {
  TAKT_CHECK(::chmod(folder_.path().c_str(), kPassThrough) == 0, "chmod");
  root_.role = rpc::Role::kOperator;
  root_.every_role = true;
  root_.via = Via::kUnixSocket;
  root_.uid = root_.gid = 0;
  start_scheduler();
}

void InProcessFleet::start_scheduler() {
  scheduler_.reset();
  scheduler_ = std::make_unique<InProcessScheduler>(
      folder_.path() + "/scheduler",
      [this](const std::string& address, grpc::ClientContext* context, auto* reactor) {
        ClientLink<v1::SessionRequest, v1::SessionResponse>::begin(
            threads_, context, reactor, [this, address] { return accept(address); });
      });
}

grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* InProcessFleet::accept(
    const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto found = workers_.find(address);
  if (found != workers_.end()) return found->second->daemon().parts().sessions.accept(root_);
  return rpc::refuse_bidi<v1::SessionRequest, v1::SessionResponse>(
      make_error(ErrorCode::kUnavailable, "nobody is there"));
}

void InProcessFleet::take_down() {
  scheduler_.reset();
  threads_.wait_idle();  // as a server's shutdown waits for its calls
  workers_.clear();
}

InProcessWorker& InProcessFleet::add_worker(const std::string& name) {
  auto worker = std::make_unique<InProcessWorker>(folder_.path(), name);
  InProcessWorker& added = *worker;
  const v1::RegisterWorkerRequest registration = added.registration();
  {
    const std::lock_guard lock(mutex_);
    workers_.emplace(registration.address(), std::move(worker));
  }
  ask<v1::RegisterWorkerResponse>([&](scheduler::Core& core, const auto& reply) {
    scheduler::register_worker(core, root_, registration, reply);
  });
  return added;
}

std::shared_ptr<UnaryCall<v1::SubmitJobResponse>> InProcessFleet::begin_submit(
    const std::string& text, const std::string& request_id) {
  v1::SubmitJobRequest request;
  request.set_request_id(request_id);
  for (const char* word : {"/bin/sh", "-c"}) request.mutable_spec()->add_argv(word);
  request.mutable_spec()->add_argv(text);
  return begin<v1::SubmitJobResponse>([&](scheduler::Core& core, const auto& reply) {
    scheduler::submit_job(core, root_, request, reply);
  });
}

std::shared_ptr<UnaryCall<v1::StopJobResponse>> InProcessFleet::begin_stop(const std::string& job) {
  v1::StopJobRequest request;
  request.set_job_id(job);
  return begin<v1::StopJobResponse>([&](scheduler::Core& core, const auto& reply) {
    scheduler::stop_job(core, root_, request, reply);
  });
}

std::string InProcessFleet::submit(const std::string& text) {
  const auto call = begin_submit(text);
  const auto status = call->wait();
  EXPECT_TRUE(status && status->ok()) << (status ? status->error_message() : "no answer");
  return call->response.job_id();
}

void InProcessFleet::stop(const std::string& job) {
  const auto status = begin_stop(job)->wait();
  EXPECT_TRUE(status && status->ok()) << (status ? status->error_message() : "no answer");
}

v1::Job InProcessFleet::get(const std::string& job) {
  v1::GetJobRequest request;
  request.set_job_id(job);
  return ask<v1::GetJobResponse>([&](scheduler::Core& core, const auto& reply) {
           scheduler::get_job(core, root_, request, reply);
         })
      .job();
}

void InProcessFleet::list() {
  ask<v1::ListJobsResponse>([this](scheduler::Core& core, const auto& reply) {
    scheduler::list_jobs(core, root_, {}, reply);
  });
  ask<v1::CountJobsResponse>(
      [](scheduler::Core& core, const auto& reply) { scheduler::count_jobs(core, reply); });
  ask<v1::ListWorkersResponse>([this](scheduler::Core& core, const auto& reply) {
    scheduler::list_workers(core, root_, {}, reply);
  });
}

std::shared_ptr<InProcessFleet::WatchCall> InProcessFleet::watch(std::int64_t after) {
  auto call = std::make_shared<WatchCall>(threads_);
  v1::WatchJobsRequest request;
  request.set_after_revision(after);
  call->serve(scheduler::watch_jobs(scheduler_->core(), root_, request));
  return call;
}

std::string InProcessFleet::output(InProcessWorker& worker, const std::string& job) {
  const auto call = std::make_shared<OutputCall>(threads_);
  v1::WorkerServiceReadOutputRequest request;
  request.set_job_id(job);
  request.set_follow(true);
  call->serve(worker.daemon().parts().outputs.read(root_, request));
  std::string text;
  while (const auto message = call->next()) text += message->chunk().data();
  const auto status = call->wait();
  EXPECT_TRUE(status && status->ok()) << (status ? status->error_message() : "no end");
  return text;
}

}  // namespace takt::test
