// SPDX-License-Identifier: Apache-2.0
// All grpc::Servers that share one set of credentials: one per identity, made when its first
// connection comes. Guarantees: no connection is handed to a server that is shutting down (gRPC
// would leak it); identities are bounded, and those without a role cannot crowd out the others.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/async_stream.h>  // grpc::Service, whatever the version

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "rpc/caller.h"

namespace takt::rpc {

// Makes the services of one identity; they live as long as its grpc::Server.
using ServiceFactory = std::function<std::vector<std::unique_ptr<grpc::Service>>(const Caller&)>;

class Generation {
 public:
  enum class Outcome {
    kTaken,    // the connection is gRPC's now
    kRetired,  // not taken: offer it to the next generation
    kFull,     // not taken: too many identities
    kFailed,   // not taken: gRPC could not make a server
  };

  // `health_names`: the services that grpc.health.v1 answers SERVING for, besides "".
  Generation(std::shared_ptr<grpc::ServerCredentials> credentials, ServiceFactory services,
             std::vector<std::string> health_names);
  ~Generation();
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  // Gives a connected, non-blocking socket to the server of that caller. Thread-safe.
  Outcome offer(Caller caller, UniqueFd& connection, int listener_fd);

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
    auto operator<=>(const Key&) const = default;
  };
  // Destroyed from the last to the first: the server goes before what it uses.
  struct Identity {
    std::vector<std::unique_ptr<grpc::Service>> services;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
    std::unique_ptr<grpc::Server> server;
  };

  Identity* find_or_make(Caller& caller, Outcome& why_not);
  bool make(const Caller& caller, Identity& identity);

  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  const ServiceFactory services_;
  const std::vector<std::string> health_names_;

  mutable std::mutex mutex_;
  std::map<Key, Identity> identities_;  // a new one only before retired_
  std::size_t without_role_ = 0;
  bool retired_ = false;
  bool shutting_down_ = false;
};

}  // namespace takt::rpc
