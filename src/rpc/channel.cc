// SPDX-License-Identifier: Apache-2.0
#include "rpc/channel.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "rpc/address.h"
#include "rpc/authorize.h"
#include "rpc/caller.h"
#include "rpc/tuning.h"

namespace takt::rpc {
namespace {

constexpr int kSmallWindowBytes = static_cast<int>(4 * limits::kChunkBytes);

// A restart ends calls in flight with UNAVAILABLE, and those that come during its shutdown with
// CANCELLED, which gRPC does not repeat unless told so.
std::string service_config(const ChannelOptions& options) {
  std::string config = R"({"methodConfig":[{"name":[{}])";
  config += options.wait_for_ready ? R"(,"waitForReady":true)" : R"(,"waitForReady":false)";
  if (options.retry) {
    config += R"(,"retryPolicy":{"maxAttempts":5,"initialBackoff":"0.02s","maxBackoff":"0.5s",)"
              R"("backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE","CANCELLED"]})";
  }
  return config + "}]}";
}

std::string target_of(const Address& address) {
  if (address.unix_socket) return "unix:" + address.path;
  const bool v6 = address.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + address.host + "]" : address.host;
  return "dns:///" + host + ":" + std::to_string(address.port);
}

// True if this process has the group, whatever the user database says by now.
bool have_group(gid_t gid) {
  if (::getegid() == gid) return true;
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
  const int got = ::getgroups(count, groups.data());
  groups.resize(static_cast<std::size_t>(std::max(got, 0)));
  return std::find(groups.begin(), groups.end(), gid) != groups.end();
}

std::string denied_advice() {
  const Result<std::optional<gid_t>> gid = find_group("takt");
  if (gid && *gid && !have_group(**gid))
    return "You are not in group takt: " + how_to_join("takt", user_name_of(::geteuid()));
  return "Look at the mode of the socket and of the folders above it";
}

// The unit behind one of the shipped socket paths; a daemon started by hand has none.
std::string start_advice(const std::string& path) {
  if (path.ends_with("/scheduler.sock")) return "sudo systemctl start takt-scheduler.socket";
  if (path.ends_with("/worker.sock")) return "sudo systemctl start takt-worker.socket";
  return "start it, or give the right --address";
}

Error unreachable(const std::string& who, const std::string& path, int error_number) {
  const std::string head = "can't reach " + who + " at " + path + ": ";
  Error error = make_error(ErrorCode::kUnavailable, "");
  error.error_number = error_number;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      error.message = head + "there is no such socket. It does not run, or listens elsewhere: " +
                      start_advice(path);
      break;
    case EACCES:
    case EPERM:
      error.code = ErrorCode::kPermissionDenied;
      error.message = head + "permission denied. " + denied_advice();
      break;
    case ECONNREFUSED:
      error.message = head + "nobody listens on it. It does not run: " + start_advice(path);
      break;
    default:
      error.message = head + system_error("connect", error_number).message;
  }
  return error;
}

// gRPC 1.51 runs all callbacks on threads that the last channel or server joins when it goes away;
// if that happens in a callback (whose context held the last reference), it aborts. One channel
// that uses callbacks and never goes away prevents that. It is a lame one: it never connects.
struct CallbackThreads {
  CallbackThreads()
      : channel(grpc::CreateCustomChannel("", nullptr, grpc::ChannelArguments())), stub(channel) {
    stub.UnaryCall(&context, "/takt/None", grpc::StubOptions(), &request, &response,
                   [](const grpc::Status&) {});
  }
  std::shared_ptr<grpc::Channel> channel;
  grpc::GenericStub stub;
  grpc::ClientContext context;
  grpc::Slice nothing;
  grpc::ByteBuffer request{&nothing, 1};
  grpc::ByteBuffer response;
};

void keep_callback_threads() {
  // Used: a pointer that is only written would be optimised away, and the object look leaked.
  [[gnu::used]] static const CallbackThreads* const kept = new CallbackThreads();
}

}  // namespace

Result<std::shared_ptr<grpc::Channel>> make_channel(const std::string& address,
                                                    const ChannelOptions& options) {
  const Result<Address> parsed = parse_address(address);
  if (!parsed) return parsed.error();
  keep_callback_threads();
  grpc::ChannelArguments arguments;
  tune(arguments);
  arguments.SetServiceConfigJSON(service_config(options));
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, options.retry ? 1 : 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);          // not by the environment
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // own connection, own back-off
  if (options.small_window) {
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // would let the window grow to megabytes
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kSmallWindowBytes);
  }
  const bool plain = parsed->unix_socket || options.credentials == nullptr;
  return grpc::CreateCustomChannel(target_of(*parsed),
                                   plain ? grpc::InsecureChannelCredentials() : options.credentials,
                                   arguments);
}

Result<void> probe(const std::string& address, const std::string& who) {
  const Result<Address> parsed = parse_address(address);
  if (!parsed) return parsed.error();
  if (!parsed->unix_socket) return {};
  const Result<sockaddr_un> peer = unix_sockaddr(parsed->path);
  if (!peer) return peer.error();
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*peer), sizeof *peer) == 0) return {};
  if (errno == EAGAIN) return {};  // its backlog is full: it is there, and busy
  return unreachable(who, parsed->path, errno);
}

}  // namespace takt::rpc
