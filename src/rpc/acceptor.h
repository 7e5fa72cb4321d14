// SPDX-License-Identifier: Apache-2.0
// The accept thread. Guarantees: woken by events only; out of descriptors it pauses (connections
// wait in the kernel's backlog) instead of spinning; a socket that fails for good is left out.
#pragma once

#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "rpc/listener.h"

namespace takt::rpc {

// Lets one line through a minute. Not thread-safe.
class LogGate {
 public:
  [[nodiscard]] bool open();

 private:
  std::optional<BootTime> last_;
};

class Acceptor {
 public:
  // Called on the accept thread with each connection: non-blocking, close-on-exec, TCP_NODELAY.
  using Handler = std::function<void(UniqueFd connection, const ListenSocket& from)>;

  // `sockets` must outlive the acceptor and stay as they are.
  static Result<std::unique_ptr<Acceptor>> start(const std::vector<ListenSocket>& sockets,
                                                 Handler handler);
  // Wakes and joins the thread; the handler is not called after that.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  Acceptor(const std::vector<ListenSocket>& sockets, Handler handler, UniqueFd wake);
  enum class After { kGoOn, kPause, kDrop };
  void run();
  After accept_some(const ListenSocket& socket);
  After accept_failed(const ListenSocket& socket, int error_number);

  const std::vector<ListenSocket>& sockets_;
  const Handler handler_;
  const UniqueFd wake_;
  LogGate exhausted_gate_;
  std::thread thread_;
};

}  // namespace takt::rpc
