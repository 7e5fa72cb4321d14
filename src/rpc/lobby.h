// SPDX-License-Identifier: Apache-2.0
// Where TCP connections wait until they have sent their first byte, which tells TLS from plain
// text. Guarantees: bounded in number and time; who says nothing is shown out without a word. Of
// the accept thread only.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "rpc/listener.h"

namespace takt::rpc {

class Lobby {
 public:
  struct Guest {
    UniqueFd connection;
    const ListenSocket* from = nullptr;
    BootTime since;
  };

  static Result<std::unique_ptr<Lobby>> create();

  // Readable when somebody can be called in.
  [[nodiscard]] int fd() const { return epoll_.get(); }
  // For poll(): until somebody has waited too long; -1 if nobody waits.
  [[nodiscard]] int patience_ms() const;

  // If the lobby is full, the one who has waited longest has to go.
  void seat(UniqueFd connection, const ListenSocket& from);

  // Those who have sent something or hung up; closes those who waited too long.
  std::vector<Guest> call_in();

 private:
  explicit Lobby(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  const UniqueFd epoll_;
  std::list<Guest> guests_;  // oldest first
};

enum class Language { kPlainText, kTls };

// What a connection that was called in speaks; nothing if it has hung up.
std::optional<Language> first_words(int connection);

}  // namespace takt::rpc
