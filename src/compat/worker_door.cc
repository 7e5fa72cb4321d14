// SPDX-License-Identifier: Apache-2.0
#include "compat/worker_door.h"

#include <utility>

#include "base/log.h"
#include "compat/old_text.h"
#include "compat/worker_client.h"
#include "jobscheduler/job_scheduler.grpc.pb.h"
#include "rpc/status.h"
#include "rpc/unary.h"

namespace takt::compat {
namespace {

namespace old = ::jobscheduler;

class OldWorkerService final : public old::Worker::CallbackService {
 public:
  OldWorkerService(WorkerClient& worker, const ScriptFolder& scripts)
      : worker_(worker), scripts_(scripts) {}

  grpc::ServerUnaryReactor* StartJob(grpc::CallbackServerContext* context,
                                     const old::StartJobRequest* request,
                                     old::StartJobResponse* response) override {
    if (request->command().empty())
      return rpc::refuse(context, invalid("command", "is empty; give a program"));
    const auto path = scripts_.resolve(request->path());
    if (!path) return rpc::refuse(context, path.error());
    const rpc::UnaryReply<old::StartJobResponse> reply(response);
    grpc::ServerUnaryReactor* const reactor = reply.reactor();
    worker_.start(request->command(), *path, scripts_.path(),
                  [this, reply](const Result<std::string>& job) { on_started(reply, job); });
    return reactor;
  }

  grpc::ServerUnaryReactor* StopJob(grpc::CallbackServerContext*,
                                    const old::StopJobRequest* request,
                                    old::StopJobResponse* response) override {
    const rpc::UnaryReply<old::StopJobResponse> reply(response);
    grpc::ServerUnaryReactor* const reactor = reply.reactor();
    worker_.stop(request->jobid(), [reply](const Result<void>& stopped) {
      if (stopped) {
        reply.finish(old::StopJobResponse());
      } else {
        reply.fail(stopped.error());
      }
    });
    return reactor;
  }

  grpc::ServerUnaryReactor* QueryJob(grpc::CallbackServerContext*,
                                     const old::QueryJobRequest* request,
                                     old::QueryJobResponse* response) override {
    const rpc::UnaryReply<old::QueryJobResponse> reply(response);
    grpc::ServerUnaryReactor* const reactor = reply.reactor();
    worker_.query(request->jobid(), [reply](const Result<std::optional<JobEnd>>& end) {
      if (!end) return (void)reply.fail(end.error());
      old::QueryJobResponse answer;
      answer.set_done(end->has_value());
      if (answer.done()) answer.set_errortext(old_error_text(**end));
      answer.set_error(!answer.errortext().empty());
      reply.finish(std::move(answer));
    });
    return reactor;
  }

 private:
  void on_started(const rpc::UnaryReply<old::StartJobResponse>& reply,
                  const Result<std::string>& job) {
    if (!job) return (void)reply.fail(job.error());
    old::StartJobResponse answer;
    answer.set_jobid(*job);
    if (reply.finish(std::move(answer))) return;
    log_warning("job " + *job + " is stopped: who asked for it has not waited for its id");
    worker_.stop(*job, [job = *job](const Result<void>& stopped) {
      if (!stopped) log_error("job " + job + " runs on: " + stopped.error().message);
    });
  }

  WorkerClient& worker_;
  const ScriptFolder& scripts_;
};

}  // namespace

WorkerDoor::WorkerDoor(ScriptFolder scripts) : scripts_(std::move(scripts)) {}

Result<std::unique_ptr<WorkerDoor>> WorkerDoor::open(const WorkerDoorOptions& options) {
  if (options.listen.empty()) return std::unique_ptr<WorkerDoor>();
  auto scripts = ScriptFolder::open(options.scripts);
  if (!scripts) return scripts.error().in("[compat] scripts");
  std::unique_ptr<WorkerDoor> door(new WorkerDoor(std::move(*scripts)));
  for (const std::string& address : options.listen) {
    auto bound = rpc::bind_address(
        address, {.tcp = options.insecure ? rpc::Tcp::kPlainText : rpc::Tcp::kRefused});
    if (!bound) return bound.error().in("[compat] listen");
    door->sockets_.push_back(std::move(*bound));
  }
  return door;
}

WorkerDoor::~WorkerDoor() {
  shutdown(milliseconds(0));
  for (rpc::ListenSocket& socket : sockets_) rpc::close_listener(socket);
}

Result<void> WorkerDoor::serve(const rpc::ServiceFactory& worker_services) {
  auto worker = InProcess::create(worker_services, adapter_caller(rpc::Role::kScheduler));
  if (!worker) return worker.error();
  worker_ = std::move(*worker);
  client_ = std::make_unique<WorkerClient>(worker_->channel());
  rpc::ServerOptions options;
  options.health_names = {old::Worker::service_full_name()};
  options.services = [this](const rpc::Caller&) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<OldWorkerService>(*client_, scripts_));
    return services;
  };
  auto server = rpc::Server::start(std::exchange(sockets_, {}), std::move(options));
  if (!server) return server.error();
  server_ = std::move(*server);
  log_notice("jobscheduler.Worker is served on " + server_->displays().front() +
             ", with the scripts of " + scripts_.path());
  return {};
}

void WorkerDoor::shutdown(milliseconds patience) {
  if (server_) server_->shutdown(patience);
  if (worker_) worker_->shutdown(patience);
  client_.reset();  // after the last call, of a handler or of a start that nobody waited for
  server_.reset();
}

}  // namespace takt::compat
