// SPDX-License-Identifier: Apache-2.0
#include "rpc/generation.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <thread>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "rpc/status.h"
#include "rpc/tuning.h"

namespace takt::rpc {
namespace {

// Switches that gRPC keeps for the whole process; set before the first server is built.
void enable_standard_services() {
  static const bool done = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  static_cast<void>(done);
}

// gRPC's quota of memory for a caller. Above it, gRPC ends streams one by one, which does not keep
// up with a flood: the lobby and the number of streams are what bounds that.
std::size_t grpc_bytes(const Caller& caller, bool refused) {
  if (refused) return limits::kGrpcBytesOfRefusals;
  return caller.is_local() && !holder_of(caller).privileged ? limits::kGrpcBytesOfAccount
                                                            : limits::kGrpcBytesMax;
}

}  // namespace

// Ends each call with the reason that was given last.
class RefusingService final : public grpc::CallbackGenericService {
 public:
  void set(const Error& why) {
    const std::lock_guard lock(mutex_);
    why_ = to_status(why);
  }
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* /*context*/) override {
    class Reactor : public grpc::ServerGenericBidiReactor {
     public:
      explicit Reactor(grpc::Status why) { Finish(std::move(why)); }
      void OnDone() override { delete this; }
    };
    const std::lock_guard lock(mutex_);
    return new Reactor(why_);
  }

 private:
  std::mutex mutex_;
  grpc::Status why_;
};

Generation::Generation(std::shared_ptr<grpc::ServerCredentials> credentials,
                       ServiceFactory services, std::vector<std::string> health_names)
    : credentials_(std::move(credentials)),
      services_(std::move(services)),
      health_names_(std::move(health_names)) {
  enable_standard_services();
}

Generation::~Generation() {
  retire();
  TAKT_CHECK(shutting_down_ || identities_.empty(), "a generation goes without shutdown");
}

Generation::Outcome Generation::offer(Offer& offer) {
  const std::lock_guard lock(mutex_);
  if (retired_) return Outcome::kRetired;
  Identity* const identity = find_or_make(offer.caller, offer.share.refusal.has_value());
  if (identity == nullptr) return Outcome::kFailed;
  identity->last_use = ++uses_;
  if (identity->refusing) identity->refusing->set(*offer.share.refusal);
  using Held = std::pair<ShareLease, std::shared_ptr<const bool>>;
  offer.held = std::make_shared<const Held>(std::move(offer.share.lease), identity->in_use);
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.listener_fd = offer.listener_fd;
  parameters.fd = offer.connection.release();
  identity->acceptor->HandleNewConnection(&parameters);
  return Outcome::kTaken;
}

Generation::Identity* Generation::find_or_make(const Caller& caller, bool refused) {
  const Key key{caller.is_local(), caller.role, caller.uid, caller.gid, refused};
  if (const auto found = identities_.find(key); found != identities_.end()) return &found->second;
  evict_idle();
  Identity made;
  if (!make(caller, refused, made)) return nullptr;
  return &identities_.emplace(key, std::move(made)).first->second;
}

bool Generation::make(const Caller& caller, bool refused, Identity& identity) {
  using Builder = grpc::ServerBuilder;
  Builder builder;
  tune(builder);
  grpc::ResourceQuota quota;
  builder.SetResourceQuota(quota.Resize(grpc_bytes(caller, refused)));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(streams_of(caller)));
  if (refused) {
    const int age = static_cast<int>(milliseconds(limits::kRefusalAge).count());
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, age);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, age);
    identity.refusing = std::make_unique<RefusingService>();
    builder.RegisterCallbackGenericService(identity.refusing.get());
  } else {
    identity.services = services_(caller);
    for (const auto& service : identity.services) builder.RegisterService(service.get());
  }
  identity.acceptor = builder.experimental().AddExternalConnectionAcceptor(
      Builder::experimental_type::ExternalConnectionType::FROM_FD, credentials_);
  identity.server = builder.BuildAndStart();
  if (!identity.server) return false;
  if (auto* health = identity.server->GetHealthCheckService()) {
    for (const std::string& name : health_names_) health->SetServingStatus(name, true);
  }
  return true;
}

// Leaves room for one more. Nothing runs on a server without a connection, so its shutdown does not
// wait.
void Generation::evict_idle() {
  std::size_t idle = 0;
  auto oldest = identities_.end();
  for (auto it = identities_.begin(); it != identities_.end(); ++it) {
    if (it->second.in_use.use_count() > 1) continue;
    ++idle;
    if (oldest == identities_.end() || it->second.last_use < oldest->second.last_use) oldest = it;
  }
  if (idle < limits::kIdleIdentitiesMax) return;
  oldest->second.server->Shutdown(gpr_now(GPR_CLOCK_MONOTONIC));
  identities_.erase(oldest);
}

void Generation::retire() {
  const std::lock_guard lock(mutex_);
  retired_ = true;
}

void Generation::shutdown(milliseconds patience) {
  {
    const std::lock_guard lock(mutex_);
    TAKT_CHECK(!shutting_down_, "a generation is shut down once");
    retired_ = true;
    shutting_down_ = true;
  }
  // From here on identities_ does not change, so it is read without the lock: each Shutdown()
  // blocks, and all of them have to begin now.
  const gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                             gpr_time_from_millis(patience.count(), GPR_TIMESPAN));
  std::vector<std::thread> threads;
  threads.reserve(identities_.size());
  for (auto& [key, identity] : identities_)
    threads.emplace_back([&server = *identity.server, deadline] { server.Shutdown(deadline); });
  for (std::thread& thread : threads) thread.join();
}

void Generation::cancel() {
  const std::lock_guard lock(mutex_);
  if (!shutting_down_) return;  // gRPC cancels all calls of a server in shutdown only
  for (auto& [key, identity] : identities_)
    grpc_server_cancel_all_calls(identity.server->c_server());
}

std::size_t Generation::identities() const {
  const std::lock_guard lock(mutex_);
  return identities_.size();
}

}  // namespace takt::rpc
