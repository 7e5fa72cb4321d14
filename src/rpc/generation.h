// SPDX-License-Identifier: Apache-2.0
// All grpc::Servers that share one set of credentials: one per identity, made when its first
// connection comes. Guarantees: no connection is handed to a server that is shutting down (gRPC
// would leak it); identities without a connection are bounded, the least recently used go first;
// each identity has a memory quota of gRPC; a connection beyond its account's share is served by a
// server that refuses each call with the reason.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/async_stream.h>  // grpc::Service, whatever the version

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "rpc/caller.h"
#include "rpc/shares.h"

namespace takt::rpc {

// Makes the services of one identity; they live as long as its grpc::Server.
using ServiceFactory = std::function<std::vector<std::unique_ptr<grpc::Service>>(const Caller&)>;

class RefusingService;

class Generation {
 public:
  enum class Outcome {
    kTaken,    // the connection is gRPC's now
    kRetired,  // not taken: offer it to the next generation
    kFailed,   // not taken: gRPC could not make a server
  };

  // A connected, non-blocking socket, its caller with the user's name, and what it holds.
  struct Offer {
    Caller caller;
    UniqueFd connection;
    int listener_fd = -1;
    ConnectionShare share;
    // Of a connection that was taken: to be dropped once it has closed.
    std::shared_ptr<const void> held;
  };

  // `health_names`: the services that grpc.health.v1 answers SERVING for, besides "".
  Generation(std::shared_ptr<grpc::ServerCredentials> credentials, ServiceFactory services,
             std::vector<std::string> health_names);
  ~Generation();
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  // Gives a connection to the server of that caller. Thread-safe.
  Outcome offer(Offer& offer);

  // From now on offer() says kRetired. Thread-safe.
  void retire();

  // Retires and lets running calls end until `patience` is over, then cancels them. Blocks until
  // the last handler has finished. Once only.
  void shutdown(milliseconds patience);

  // Cuts a running shutdown() short: cancels all calls now. Thread-safe.
  void cancel();

  [[nodiscard]] std::size_t identities() const;

 private:
  struct Key {
    bool local;
    Role role;
    uid_t uid;
    gid_t gid;
    bool refused;
    auto operator<=>(const Key&) const = default;
  };
  // Destroyed from the last to the first: the server goes before what it uses.
  struct Identity {
    std::shared_ptr<const bool> in_use = std::make_shared<const bool>(true);  // and by connections
    std::uint64_t last_use = 0;
    std::unique_ptr<RefusingService> refusing;  // null but for refused connections
    std::vector<std::unique_ptr<grpc::Service>> services;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
    std::unique_ptr<grpc::Server> server;
  };

  Identity* find_or_make(const Caller& caller, bool refused);
  bool make(const Caller& caller, bool refused, Identity& identity);
  void evict_idle();

  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  const ServiceFactory services_;
  const std::vector<std::string> health_names_;

  mutable std::mutex mutex_;
  std::map<Key, Identity> identities_;  // a new one only before retired_
  std::uint64_t uses_ = 0;
  bool retired_ = false;
  bool shutting_down_ = false;
};

}  // namespace takt::rpc
