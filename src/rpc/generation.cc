// SPDX-License-Identifier: Apache-2.0
#include "rpc/generation.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <thread>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
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

// Half of all identities at most are callers that may do nothing.
constexpr std::size_t kWithoutRoleMax = limits::kIdentitiesMax / 2;

}  // namespace

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

Generation::Outcome Generation::offer(Caller caller, UniqueFd& connection, int listener_fd) {
  const std::lock_guard lock(mutex_);
  if (retired_) return Outcome::kRetired;
  Outcome why_not = Outcome::kTaken;
  Identity* const identity = find_or_make(caller, why_not);
  if (identity == nullptr) return why_not;
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.listener_fd = listener_fd;
  parameters.fd = connection.release();
  identity->acceptor->HandleNewConnection(&parameters);
  return Outcome::kTaken;
}

Generation::Identity* Generation::find_or_make(Caller& caller, Outcome& why_not) {
  const bool nobody = caller.role == Role::kNone;
  Key key{caller.local, caller.role, caller.uid, caller.gid};
  auto found = identities_.find(key);
  if (found == identities_.end() && nobody && without_role_ >= kWithoutRoleMax) {
    // A user with many uids (a container's range) shares one nameless identity from here on.
    caller.uid = key.uid = kNoUid;
    caller.gid = key.gid = kNoGid;
    found = identities_.find(key);
  }
  if (found != identities_.end()) return &found->second;
  if (identities_.size() >= limits::kIdentitiesMax) {
    why_not = Outcome::kFull;
    return nullptr;
  }
  Identity made;
  if (!make(caller, made)) {
    why_not = Outcome::kFailed;
    return nullptr;
  }
  if (nobody) ++without_role_;
  return &identities_.emplace(key, std::move(made)).first->second;
}

bool Generation::make(const Caller& caller, Identity& identity) {
  using Builder = grpc::ServerBuilder;
  Builder builder;
  tune(builder);
  identity.services = services_(caller);
  for (const auto& service : identity.services) builder.RegisterService(service.get());
  identity.acceptor = builder.experimental().AddExternalConnectionAcceptor(
      Builder::experimental_type::ExternalConnectionType::FROM_FD, credentials_);
  identity.server = builder.BuildAndStart();
  if (!identity.server) return false;
  if (auto* health = identity.server->GetHealthCheckService()) {
    for (const std::string& name : health_names_) health->SetServingStatus(name, true);
  }
  return true;
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
