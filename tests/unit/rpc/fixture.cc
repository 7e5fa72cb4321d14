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

// One descriptor through a unix socket; only system calls, as after fork in a threaded process.
bool send_fd(int channel, int fd) {
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(channel, &message, MSG_NOSIGNAL) == 1;
}

UniqueFd receive_fd(int channel) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1) return {};
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

// In the forked child: becomes the user, connects, sends the connection back.
[[noreturn]] void child_connect(int channel, const sockaddr_un& address, uid_t uid, gid_t gid,
                                const std::vector<gid_t>& groups) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool ok = fd >= 0;
  // Raw calls: glibc's wrappers would first talk to threads that do not exist in this child.
  if (::geteuid() == 0) {
    ok = ok && ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
    ok = ok && ::syscall(SYS_setresgid, gid, gid, gid) == 0;
    ok = ok && ::syscall(SYS_setresuid, uid, uid, uid) == 0;
  }
  ok = ok && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ok = ok && send_fd(channel, fd);
  ::_exit(ok ? 0 : 1);
}

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

UniqueFd connect_as(const std::string& path, uid_t uid, gid_t gid, std::vector<gid_t> groups) {
  const Result<sockaddr_un> address = unix_sockaddr(path);
  TAKT_CHECK(address.ok(), "path");
  std::array<int, 2> pair{};
  TAKT_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0, "socketpair");
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  const pid_t child = ::fork();
  if (child == 0) child_connect(theirs.get(), *address, uid, gid, groups);
  theirs.reset();
  UniqueFd connection = receive_fd(ours.get());
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "the child could not connect";
  return connection;
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
