// SPDX-License-Identifier: Apache-2.0
#include "compat/in_process.h"

#include <chrono>
#include <utility>

#include "rpc/tuning.h"

namespace takt::compat {

rpc::Caller adapter_caller(rpc::Role role) {
  rpc::Caller caller;
  caller.role = role;
  caller.via = Via::kUnixSocket;
  caller.user_name = "jobscheduler";
  return caller;
}

Result<std::unique_ptr<InProcess>> InProcess::create(const rpc::ServiceFactory& services,
                                                     const rpc::Caller& caller) {
  std::unique_ptr<InProcess> made(new InProcess());
  made->services_ = services(caller);
  grpc::ServerBuilder builder;
  rpc::tune(builder);
  for (const auto& service : made->services_) builder.RegisterService(service.get());
  made->server_ = builder.BuildAndStart();
  if (!made->server_)
    return make_error(ErrorCode::kInternal, "gRPC could not make a server within the process");
  return made;
}

InProcess::~InProcess() { shutdown(milliseconds(0)); }

std::shared_ptr<grpc::Channel> InProcess::channel() const {
  grpc::ChannelArguments arguments;
  rpc::tune(arguments);
  return server_->InProcessChannel(arguments);
}

void InProcess::shutdown(milliseconds patience) {
  if (!server_ || std::exchange(shut_down_, true)) return;
  server_->Shutdown(std::chrono::system_clock::now() + patience);
  server_->Wait();
}

}  // namespace takt::compat
