// SPDX-License-Identifier: Apache-2.0
#include "worker/registrar.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "rpc/status.h"

namespace takt::worker {
namespace {

// What one call needs until it is answered.
template <class Request, class Response>
struct Call {
  std::unique_ptr<v1::RegistryService::Stub> stub;
  grpc::ClientContext context;
  Request request;
  Response response;
};

}  // namespace

Registrar::Registrar(Core& core, std::function<bool()> in_session)
    : core_(core), in_session_(std::move(in_session)), backoff_(limits::kReconnectMin) {}

Registrar::~Registrar() { outstanding_.cancel_and_wait(); }

void Registrar::Outstanding::add(grpc::ClientContext* context) {
  const std::lock_guard lock(mutex_);
  contexts_.insert(context);
}

void Registrar::Outstanding::remove(grpc::ClientContext* context) {
  const std::lock_guard lock(mutex_);
  contexts_.erase(context);
  changed_.notify_all();
}

void Registrar::Outstanding::cancel_and_wait() {
  std::unique_lock lock(mutex_);
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
  changed_.wait(lock, [this] { return contexts_.empty(); });
}

Result<void> Registrar::start() {
  if (core_.config.scheduler_address.empty()) return {};
  if (auto stub = dial(); !stub) return stub.error().in("[scheduler] address");
  send();
  return {};
}

Result<std::unique_ptr<v1::RegistryService::Stub>> Registrar::dial() const {
  auto channel =
      core_.credentials.channel(core_.config.scheduler_address, {rpc::Role::kScheduler, ""},
                                {.wait_for_ready = false, .retry = false, .credentials = {}});
  if (!channel) return channel.error();
  return v1::RegistryService::NewStub(*channel);
}

void Registrar::check_in(nanoseconds delay) {
  timer_ = core_.loop.add_timer(delay, [this] { check(); });
}

void Registrar::check() {
  if (in_session_()) {
    backoff_ = limits::kReconnectMin;
    return check_in(limits::kReconnectMax);
  }
  send();
}

void Registrar::send() {
  if (in_flight_ || stopped_) return;
  auto stub = dial();
  TAKT_CHECK(stub.ok(), "%s: that address was good at start",
             core_.config.scheduler_address.c_str());
  in_flight_ = true;
  auto call = std::make_shared<Call<v1::RegisterWorkerRequest, v1::RegisterWorkerResponse>>();
  call->context.set_deadline(std::chrono::system_clock::now() + limits::kRpcDeadline);
  call->request.set_worker_id(core_.state.worker_id().str());
  call->request.set_name(core_.config.name);
  call->request.set_address(core_.config.address);
  call->request.set_boot_id(boot_id());
  call->request.set_version(version());
  call->stub = std::move(*stub);
  outstanding_.add(&call->context);
  call->stub->async()->RegisterWorker(
      &call->context, &call->request, &call->response, [this, call](const grpc::Status& status) {
        std::ignore = core_.loop.post([this, call, status] { on_answer(status); });
        outstanding_.remove(&call->context);
      });
}

void Registrar::on_answer(const grpc::Status& status) {
  in_flight_ = false;
  if (stopped_) return;
  if (!status.ok()) {
    if (!complained_)
      log_warning("the scheduler at " + core_.config.scheduler_address +
                      " cannot be told that this worker is here: " +
                      rpc::from_status(status).message + "; trying on",
                  {message_id(kNotRegisteredId)});
    complained_ = true;
    check_in(backoff_);
    backoff_ = std::min<nanoseconds>(backoff_ * 2, limits::kReconnectMax);
    return;
  }
  if (complained_ || backoff_ == limits::kReconnectMin)
    log_notice("registered with the scheduler at " + core_.config.scheduler_address);
  complained_ = false;
  check_in(limits::kReconnectMax);
}

void Registrar::deregister(std::function<void()> done) {
  stopped_ = true;
  timer_.reset();
  if (core_.config.scheduler_address.empty()) return done();
  auto stub = dial();
  if (!stub) return done();
  auto call = std::make_shared<Call<v1::DeregisterWorkerRequest, v1::DeregisterWorkerResponse>>();
  call->context.set_deadline(std::chrono::system_clock::now() + limits::kDeregister);
  call->request.set_worker_id(core_.state.worker_id().str());
  call->stub = std::move(*stub);
  outstanding_.add(&call->context);
  call->stub->async()->DeregisterWorker(&call->context, &call->request, &call->response,
                                        [this, call, done = std::move(done)](const grpc::Status&) {
                                          std::ignore = core_.loop.post([call, done] { done(); });
                                          outstanding_.remove(&call->context);
                                        });
}

}  // namespace takt::worker
