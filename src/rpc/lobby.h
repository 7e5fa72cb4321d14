// SPDX-License-Identifier: Apache-2.0
// Where connections wait before gRPC gets them: over TCP until the first byte, which separates TLS
// from plain text; over a unix socket until the client has acknowledged SETTINGS, so that the
// number of its streams is bounded. Guarantees: bounded in time, and in number by the shares of
// accounts; nothing is read from a connection, only peeked at. Of the accept thread only.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "rpc/caller.h"
#include "rpc/listener.h"
#include "rpc/settings_ack.h"
#include "rpc/shares.h"

namespace takt::rpc {

// A connection that was accepted.
struct Newcomer {
  UniqueFd connection;
  const ListenSocket* from = nullptr;
  Caller caller;
  ConnectionShare share;
};

class Lobby {
 public:
  static Result<std::unique_ptr<Lobby>> create();

  // Readable when a connection may be called in.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  // For poll(): until a connection has waited too long; -1 if none waits.
  [[nodiscard]] int patience_ms() const;

  // Sends SETTINGS over a unix socket. Closes the connection if that fails.
  void seat(Newcomer newcomer);

  // Those whose wait is over; closes those that hung up or waited too long.
  std::vector<Newcomer> call_in();

 private:
  enum class Wait { kGoesOn, kOver, kGone };
  struct Guest {
    Newcomer newcomer;
    BootTime since;
    SettingsAckFinder settings;  // of a unix socket
  };
  using Guests = std::list<Guest>;

  explicit Lobby(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  static Wait look_at(Guest& guest);
  void leave(Guests::iterator guest);

  const UniqueFd epoll_;
  Guests guests_;  // oldest first
  std::unordered_map<int, Guests::iterator> by_fd_;
};

enum class Language { kPlainText, kTls };

// What a connection that was called in speaks; nothing if it has hung up.
std::optional<Language> first_words(int connection);

}  // namespace takt::rpc
