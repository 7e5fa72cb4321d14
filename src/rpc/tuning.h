// SPDX-License-Identifier: Apache-2.0
// Sizes, keepalive and stream limits of both ends of a connection, in one place, so that what one
// side does the other side permits.
#pragma once

#include <grpcpp/server_builder.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <cstdint>

#include "base/limits.h"
#include "rpc/caller.h"

namespace takt::rpc {

// Quiet for so long: ping. Unanswered for so long: dead. Pings more often than that: refused.
inline constexpr std::chrono::milliseconds kKeepaliveTime = std::chrono::seconds(20);
inline constexpr std::chrono::milliseconds kKeepaliveTimeout = std::chrono::seconds(10);
inline constexpr std::chrono::milliseconds kPingIntervalMin = std::chrono::seconds(10);

static_assert(kPingIntervalMin < kKeepaliveTime, "our own pings are permitted");
static_assert(limits::kStreamsPerConnection > limits::kFollowersMax,
              "all followers and the session fit the scheduler's one connection to a worker");

// gRPC's own log lines become debug lines of ours: what an administrator has to know is said in our
// words. Once; before the first server or channel.
void route_log();

// How many streams a connection of that caller may have at a time.
std::uint32_t streams_of(const Caller& caller);

void tune(grpc::ServerBuilder& builder);
void tune(grpc::ChannelArguments& arguments);

}  // namespace takt::rpc
