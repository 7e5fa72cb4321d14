// SPDX-License-Identifier: Apache-2.0
// The connections that gRPC serves, each with what it holds. gRPC does not report that one closed,
// so a duplicate of its descriptor is watched: a hang-up comes when the peer or gRPC has closed it.
// Guarantees: what a connection holds is dropped after that; nothing is read. Accept thread only.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::rpc {

class OpenConnections {
 public:
  static Result<std::unique_ptr<OpenConnections>> create();

  // Readable when a connection has closed.
  [[nodiscard]] int fd() const { return epoll_.get(); }

  // `duplicate` is of the descriptor that gRPC has. On an error the connection is shut down.
  Result<void> add(UniqueFd duplicate, std::shared_ptr<const void> held);

  // Drops what closed connections hold.
  void drop_closed();

  void clear() { open_.clear(); }

  [[nodiscard]] std::size_t size() const { return open_.size(); }

 private:
  struct Open {
    UniqueFd duplicate;
    std::shared_ptr<const void> held;
  };

  explicit OpenConnections(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  const UniqueFd epoll_;
  std::unordered_map<int, Open> open_;  // by the duplicate
};

}  // namespace takt::rpc
