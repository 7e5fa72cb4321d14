// SPDX-License-Identifier: Apache-2.0
#include "rpc/tuning.h"

namespace takt::rpc {
namespace {

constexpr int kMessageMax = static_cast<int>(limits::kMessageMaxBytes);

constexpr int to_ms(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

}  // namespace

void tune(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMessageMax);
  builder.SetMaxSendMessageSize(kMessageMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(limits::kStreamsPerConnection));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, to_ms(kKeepaliveTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, to_ms(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             to_ms(kPingIntervalMin));
}

void tune(grpc::ChannelArguments& arguments) {
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
