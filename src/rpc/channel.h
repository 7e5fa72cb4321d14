// SPDX-License-Identifier: Apache-2.0
// Client channels. Guarantees: an idempotent call outlives a restart of the server (it waits for
// the connection and repeats what the restart cut); reconnecting is quick and bounded.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace takt::rpc {

struct ChannelOptions {
  bool wait_for_ready = true;  // calls wait for the server (give them a deadline); else they fail
  bool retry = true;           // repeat on UNAVAILABLE and CANCELLED; false for a Session's channel
  std::shared_ptr<grpc::ChannelCredentials> credentials;  // over TCP; none: plain text
  // What we do not read waits at the other end, not in our memory; over long lines that is slower.
  bool small_window = false;
};

// A channel to "unix:/path" or "host:port". Does not connect yet. Where credentials.h is not used,
// TCP is in plain text.
Result<std::shared_ptr<grpc::Channel>> make_channel(const std::string& address,
                                                    const ChannelOptions& options = {});

// Connects once to a unix socket and hangs up, to say at once why it cannot be reached and what to
// do; does not block. TCP addresses pass if they parse. `who` is "the scheduler", "the worker".
Result<void> probe(const std::string& address, const std::string& who = "the scheduler");

}  // namespace takt::rpc
