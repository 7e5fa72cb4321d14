// SPDX-License-Identifier: Apache-2.0
// The gRPC server of a daemon on its listening sockets. Guarantees: a connection reaches services
// that know who connected; new credentials take new TLS connections while calls on the old ones go
// on, and all others notice nothing; who speaks TLS where plain text is due, or the other way
// round, is turned away with a line in the log; the accept thread never spins, and is joined before
// any grpc::Server shuts down.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/result.h"
#include "rpc/acceptor.h"
#include "rpc/caller.h"
#include "rpc/generation.h"
#include "rpc/listener.h"
#include "rpc/log_gate.h"
#include "rpc/open_connections.h"
#include "rpc/shares.h"
#include "rpc/tls.h"

namespace takt::rpc {

struct ServerOptions {
  AccessPolicy policy;
  // Asked for the policy again at a connection, once a second at most, for as long as a name has no
  // number: the package that makes the user may be installed later. On the accept thread.
  std::function<Result<AccessPolicy>()> resolve_policy;
  ServiceFactory services;
  std::shared_ptr<Shares> shares = std::make_shared<Shares>();
  std::shared_ptr<const Tls> tls;         // for sockets that carry it
  std::vector<std::string> health_names;  // "takt.v1.JobService" …
  std::function<void()> end_streams;      // told at shutdown() to end its streams with a status
};

class Server {
 public:
  // Starts accepting at once. Logs a warning for each plain-text TCP socket.
  static Result<std::unique_ptr<Server>> start(std::vector<ListenSocket> sockets,
                                               ServerOptions options);
  // shutdown() with no patience, unless that was done.
  ~Server();

  // New TLS connections get these credentials from now on; calls on the old ones may run on for
  // `drain`, then they are cancelled (in the background). kResourceExhausted if too many old ones
  // drain still. Any thread.
  Result<void> renew(const Tls& tls, milliseconds drain);

  // Stops accepting, tells `end_streams`, waits for running calls at most `patience`, then cancels
  // them; returns when the last handler has finished. Sockets bound here are removed; inherited
  // ones stay open in systemd, which keeps new connections waiting.
  void shutdown(milliseconds patience);

  // "unix:/run/takt/worker.sock", "127.0.0.1:7070": where it listens.
  [[nodiscard]] const std::vector<std::string>& displays() const { return displays_; }

  // Different callers that are served: by unix socket and plain TCP, and by TLS since the last
  // renewal. Some that have no connection any more are among them.
  [[nodiscard]] std::size_t identities() const;

  // Generations that still drain.
  [[nodiscard]] std::size_t draining() const;

 private:
  struct Drain {
    std::shared_ptr<Generation> generation;
    bool done = false;
    std::thread thread;
  };

  Server(std::vector<ListenSocket> sockets, ServerOptions options);
  bool admit(Newcomer& newcomer);
  void handle(Newcomer newcomer);
  bool right_language(int connection, const ListenSocket& from);
  Generation::Outcome offer(Generation::Offer& offer, bool tls);
  Result<Caller> connected_caller(int connection, const ListenSocket& from);
  const AccessPolicy& policy();
  void drain(Drain& drain, milliseconds patience);
  void reap();
  std::shared_ptr<Generation> new_generation(std::shared_ptr<grpc::ServerCredentials> credentials);

  const ServerOptions options_;
  AccessPolicy policy_;       // of the accept thread
  BootTime policy_resolved_;  // when it was
  std::vector<ListenSocket> sockets_;
  std::vector<std::string> displays_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Generation> fixed_;      // unix sockets, plain TCP; null after shutdown
  std::shared_ptr<Generation> renewable_;  // TLS; null without, and after shutdown
  std::list<Drain> drains_;
  bool stopping_ = false;

  std::mutex shutdown_mutex_;  // one shutdown() at a time
  LogGate full_gate_;
  LogGate language_gate_{limits::kRefusalLinesPerMinute};
  std::unique_ptr<OpenConnections> connections_;  // of the accept thread
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace takt::rpc
