// SPDX-License-Identifier: Apache-2.0
// Listening sockets, bound here or inherited from systemd. Guarantees: every one is a non-blocking,
// close-on-exec stream socket that listens; TCP, loopback too, only with TLS or where plain text
// was allowed. The rules look at getsockname(), never at what somebody says about the descriptor.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::rpc {

// What TCP sockets carry.
enum class Tcp { kRefused, kPlainText, kTls };

struct ListenSocket {
  UniqueFd fd;
  std::string display;  // "unix:/run/takt/scheduler.sock", "127.0.0.1:7070"
  bool unix_socket = false;
  bool tls = false;
  std::string owned_path;  // a unix path bound by this process, which removes it; else empty
};

struct BindOptions {
  Tcp tcp = Tcp::kRefused;
  mode_t mode = 0660;                    // of a unix socket
  gid_t group = static_cast<gid_t>(-1);  // of a unix socket; -1 leaves it
};

// Binds and listens. TCP hosts are numbers or "localhost" (127.0.0.1). A unix socket that nobody
// listens on any more is replaced; one in use is kExists.
Result<ListenSocket> bind_address(const std::string& address, const BindOptions& options = {});

// Takes a listening socket that systemd (or a parent) opened.
Result<ListenSocket> adopt_socket(UniqueFd fd, Tcp tcp);

// Where a daemon listens.
struct ListenPlan {
  std::string program;                 // "takt-worker"
  std::vector<UniqueFd> inherited;     // from systemd, whose .socket unit then has all addresses
  std::vector<std::string> addresses;  // as configured; refused beside inherited ones
  std::string fallback;                // where there is neither
  std::string group;                   // of unix sockets, if there is such a group
  Tcp tcp = Tcp::kRefused;
};

// All of them, or the first error; then none is open.
Result<std::vector<ListenSocket>> open_listeners(ListenPlan plan);

// Removes the path of a socket bound here, then closes it.
void close_listener(ListenSocket& socket);

}  // namespace takt::rpc
