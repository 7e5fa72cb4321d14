// SPDX-License-Identifier: Apache-2.0
// The accept thread. Guarantees: woken by events only; it leaves some descriptors to the rest of
// the process, and out of them it pauses (connections wait in the kernel's backlog) instead of
// spinning; a socket that fails for good is left out; a connection is admitted as soon as it is
// accepted, and passed on once the lobby (lobby.h) lets it in.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "rpc/listener.h"
#include "rpc/lobby.h"
#include "rpc/log_gate.h"

namespace takt::rpc {

class Acceptor {
 public:
  // Called on the accept thread.
  struct Events {
    // Each connection that was accepted: fills in the caller and the share. False: close it.
    std::function<bool(Newcomer& newcomer)> admit;
    // Each that has waited in the lobby: non-blocking, close-on-exec, TCP_NODELAY.
    std::function<void(Newcomer newcomer)> on_connection;
    int watched_fd = -1;
    std::function<void()> on_watched;  // it is readable
  };

  // `sockets` must outlive the acceptor and stay as they are.
  static Result<std::unique_ptr<Acceptor>> start(const std::vector<ListenSocket>& sockets,
                                                 Events events);
  // Wakes and joins the thread; the handler is not called after that.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  Acceptor(const std::vector<ListenSocket>& sockets, Events events, UniqueFd wake,
           std::unique_ptr<Lobby> lobby);
  enum class After { kGoOn, kPause, kDrop };
  void run();
  After accept_some(const ListenSocket& socket);
  After accept_failed(const ListenSocket& socket, int error_number);

  const std::vector<ListenSocket>& sockets_;
  const Events events_;
  const UniqueFd wake_;
  const std::unique_ptr<Lobby> lobby_;
  LogGate exhausted_gate_;
  std::thread thread_;
};

}  // namespace takt::rpc
