// SPDX-License-Identifier: Apache-2.0
#include "rpc/tuning.h"

#include <grpc/support/log.h>
#include <grpcpp/version_info.h>

#include <string>

#include "base/log.h"
#include "rpc/shares.h"

namespace takt::rpc {
namespace {

constexpr int kMessageMax = static_cast<int>(limits::kMessageMaxBytes);

constexpr int to_ms(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

}  // namespace

void route_log() {
#if GRPC_CPP_VERSION_MAJOR == 1 && GRPC_CPP_VERSION_MINOR < 65
  static const bool done = [] {
    gpr_set_log_function(
        [](gpr_log_func_args* line) { log_debug("gRPC: " + std::string(line->message)); });
    return true;
  }();
  static_cast<void>(done);
#endif  // newer ones log through Abseil
}

std::uint32_t streams_of(const Caller& caller) {
  const bool user = caller.is_local() && !holder_of(caller).privileged;
  return static_cast<std::uint32_t>(user ? limits::kStreamsPerUserConnection
                                         : limits::kStreamsPerConnection);
}

void tune(grpc::ServerBuilder& builder) {
  route_log();
  builder.SetMaxReceiveMessageSize(kMessageMax);
  builder.SetMaxSendMessageSize(kMessageMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(limits::kStreamsPerConnection));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             static_cast<int>(limits::kMetadataMaxBytes));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, to_ms(kKeepaliveTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, to_ms(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             to_ms(kPingIntervalMin));
}

void tune(grpc::ChannelArguments& arguments) {
  route_log();
  arguments.SetMaxReceiveMessageSize(kMessageMax);
  arguments.SetMaxSendMessageSize(kMessageMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, to_ms(kKeepaliveTime));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, to_ms(kKeepaliveTimeout));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Despite its name this is how long one attempt may take: a daemon that is being activated
  // answers late, and an attempt given up too soon stays behind in its backlog.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, to_ms(limits::kReconnectMax));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, to_ms(limits::kReconnectMin));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, to_ms(limits::kReconnectMax));
}

}  // namespace takt::rpc
