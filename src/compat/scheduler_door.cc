// SPDX-License-Identifier: Apache-2.0
#include "compat/scheduler_door.h"

#include <utility>

#include "base/log.h"
#include "compat/old_fleet.h"
#include "jobscheduler/job_scheduler.grpc.pb.h"
#include "rpc/unary.h"

namespace takt::compat {
namespace {

namespace old = ::jobscheduler;

class OldSchedulerService final : public old::Scheduler::CallbackService {
 public:
  explicit OldSchedulerService(OldFleet& fleet) : fleet_(fleet) {}

  grpc::ServerUnaryReactor* RegisterWorker(grpc::CallbackServerContext*,
                                           const old::RegisterWorkerRequest* request,
                                           old::RegisterWorkerResponse* response) override {
    const rpc::UnaryReply<old::RegisterWorkerResponse> reply(response);
    grpc::ServerUnaryReactor* const reactor = reply.reactor();
    fleet_.register_worker(request->address(), [reply](const Result<Uuid>& id) {
      if (!id) return (void)reply.fail(id.error());
      old::RegisterWorkerResponse answer;
      answer.set_success(true);
      answer.set_workerid(id->str());
      reply.finish(std::move(answer));
    });
    return reactor;
  }

  grpc::ServerUnaryReactor* DeregisterWorker(grpc::CallbackServerContext*,
                                             const old::DeregisterWorkerRequest* request,
                                             old::DeregisterWorkerResponse* response) override {
    const rpc::UnaryReply<old::DeregisterWorkerResponse> reply(response);
    grpc::ServerUnaryReactor* const reactor = reply.reactor();
    fleet_.deregister_worker(request->workerid(), [reply](const Result<bool>& known) {
      if (!known) return (void)reply.fail(known.error());
      old::DeregisterWorkerResponse answer;
      answer.set_success(*known);
      reply.finish(std::move(answer));
    });
    return reactor;
  }

 private:
  OldFleet& fleet_;
};

}  // namespace

SchedulerDoor::SchedulerDoor() = default;

Result<std::unique_ptr<SchedulerDoor>> SchedulerDoor::open(const SchedulerDoorOptions& options) {
  if (options.listen.empty()) return std::unique_ptr<SchedulerDoor>();
  auto archive = Archive::open(options.folder);
  if (!archive) return archive.error();
  std::unique_ptr<SchedulerDoor> door(new SchedulerDoor());
  door->fleet_ = std::make_unique<OldFleet>(std::move(*archive), static_cast<int>(options.slots));
  for (const std::string& address : options.listen) {
    auto bound = rpc::bind_address(
        address, {.tcp = options.insecure ? rpc::Tcp::kPlainText : rpc::Tcp::kRefused});
    if (!bound) return bound.error().in("[compat] listen");
    door->sockets_.push_back(std::move(*bound));
  }
  return door;
}

SchedulerDoor::~SchedulerDoor() {
  shutdown(milliseconds(0));
  for (rpc::ListenSocket& socket : sockets_) rpc::close_listener(socket);
}

Result<void> SchedulerDoor::serve(const rpc::ServiceFactory& scheduler_services) {
  if (auto begun = fleet_->begin(scheduler_services); !begun) return begun;
  rpc::ServerOptions options;
  options.health_names = {old::Scheduler::service_full_name()};
  options.services = [this](const rpc::Caller&) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<OldSchedulerService>(*fleet_));
    return services;
  };
  auto server = rpc::Server::start(std::exchange(sockets_, {}), std::move(options));
  if (!server) return server.error();
  server_ = std::move(*server);
  log_notice("jobscheduler.Scheduler is served on " + server_->displays().front());
  return {};
}

void SchedulerDoor::shutdown(milliseconds patience) {
  if (server_) server_->shutdown(patience);
  fleet_->shutdown(patience);
}

}  // namespace takt::compat
