// SPDX-License-Identifier: Apache-2.0
// Listening sockets, bound here or inherited from systemd. Guarantees: every one is a non-blocking,
// close-on-exec stream socket that listens; plain-text TCP, loopback too, only with `insecure`. The
// rules look at getsockname(), never at what somebody says about the descriptor.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::rpc {

struct ListenSocket {
  UniqueFd fd;
  std::string display;  // "unix:/run/takt/scheduler.sock", "127.0.0.1:7070"
  bool unix_socket = false;
  bool insecure_ok = false;  // plain text over TCP was allowed for this one
  std::string owned_path;    // a unix path bound by this process, which removes it; else empty
};

struct BindOptions {
  bool insecure = false;                 // allow plain-text TCP
  mode_t mode = 0660;                    // of a unix socket
  gid_t group = static_cast<gid_t>(-1);  // of a unix socket; -1 leaves it
};

// Binds and listens. TCP hosts are numbers or "localhost" (127.0.0.1). A unix socket that nobody
// listens on any more is replaced; one in use is kExists.
Result<ListenSocket> bind_address(const std::string& address, const BindOptions& options = {});

// Takes a listening socket that systemd (or a parent) opened.
Result<ListenSocket> adopt_socket(UniqueFd fd, bool insecure);

// Removes the path of a socket bound here, then closes it.
void close_listener(ListenSocket& socket);

}  // namespace takt::rpc
