// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cstring>

#include "base/fs.h"
#include "rpc/address.h"
#include "rpc/authorize.h"
#include "rpc/channel.h"
#include "rpc/stream_writer.h"
#include "rpc/unary.h"

namespace takt::rpc {
namespace {

class ScriptedService : public EchoService::CallbackService {
 public:
  ScriptedService(const Caller& caller, const Script& script) : guard_(caller), script_(script) {}

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                 EchoResponse* response) override {
    const Result<Caller> caller = guard_.admit(*context, Action::kGetJob, *request);
    if (!caller) return refuse(context, caller.error());
    if (script_.echo) return script_.echo(context, *request, response);
    response->set_payload(request->payload());
    response->set_caller(caller->describe());
    response->set_role(role_name(caller->role));
    return finish_now(context);
  }
  grpc::ServerWriteReactor<EchoResponse>* Push(grpc::CallbackServerContext* context,
                                               const EchoRequest* request) override {
    const Result<Caller> caller = guard_.admit(*context, Action::kWatchJobs, *request);
    if (!caller) return refuse_stream<EchoResponse>(caller.error());
    return script_.push(*request);
  }
  grpc::ServerWriteReactor<EchoResponse>* Pull(grpc::CallbackServerContext* /*context*/,
                                               const EchoRequest* request) override {
    return script_.pull(*request);
  }
  grpc::ServerBidiReactor<EchoRequest, EchoResponse>* Talk(
      grpc::CallbackServerContext* /*context*/) override {
    return script_.talk();
  }

 private:
  const Guard guard_;
  const Script& script_;
};

}  // namespace

TempFolder::TempFolder() {
  std::string name = "/tmp/takt-rpc-XXXXXX";
  TAKT_CHECK(::mkdtemp(name.data()) != nullptr, "mkdtemp: errno %d", errno);
  TAKT_CHECK(::chmod(name.c_str(), 0755) == 0, "chmod: errno %d", errno);
  path_ = name;
}

TempFolder::~TempFolder() { static_cast<void>(remove_tree(AT_FDCWD, path_)); }

AccessPolicy RpcTest::everybody() {
  AccessPolicy policy;
  policy.own_uid = ::geteuid();
  return policy;
}

void RpcTest::start(AccessPolicy policy) {
  BindOptions options;
  options.mode = 0666;
  Result<ListenSocket> socket = bind_address(address(), options);
  ASSERT_TRUE(socket.ok()) << socket.error().message;
  std::vector<ListenSocket> sockets;
  sockets.push_back(std::move(*socket));
  start_on(std::move(sockets), policy);
}

void RpcTest::start_on(std::vector<ListenSocket> sockets, AccessPolicy policy) {
  ServerOptions options;
  options.policy = policy;
  options.resolve_policy = resolve_policy_;
  options.tls = tls_;
  options.shares = shares_;
  options.services = [this](const Caller& caller) {
    std::vector<std::unique_ptr<grpc::Service>> services;
    services.push_back(std::make_unique<ScriptedService>(caller, script_));
    return services;
  };
  options.health_names = {"takt.test.EchoService"};
  options.end_streams = [this] {
    if (end_streams_) end_streams_();
  };
  auto server = Server::start(std::move(sockets), std::move(options));
  ASSERT_TRUE(server.ok()) << server.error().message;
  server_ = std::move(*server);
}

std::unique_ptr<EchoService::Stub> RpcTest::stub(const std::string& address) {
  ChannelOptions options;
  options.retry = false;
  const auto channel = make_channel(address, options);
  EXPECT_TRUE(channel.ok());
  return channel ? EchoService::NewStub(*channel) : nullptr;
}

std::unique_ptr<EchoService::Stub> RpcTest::stub() { return stub(address()); }

grpc::Status RpcTest::echo(EchoService::Stub& stub, EchoResponse* response,
                           const std::string& payload) {
  grpc::ClientContext context;
  set_deadline(context);
  EchoRequest request;
  request.set_payload(payload);
  return stub.Echo(&context, request, response);
}

void set_deadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
}

bool connect_and_greet(const std::string& path) {
  const Result<sockaddr_un> address = unix_sockaddr(path);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!address || !fd) return false;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return false;
  pollfd polled{fd.get(), POLLIN, 0};
  const auto patience = std::chrono::milliseconds(kPatience).count();
  if (::poll(&polled, 1, static_cast<int>(patience)) != 1) return false;
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, 0) == 1;
}

}  // namespace takt::rpc
