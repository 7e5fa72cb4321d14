// SPDX-License-Identifier: Apache-2.0
#include "rpc/lobby.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/limits.h"

namespace takt::rpc {
namespace {

constexpr unsigned char kHandshakeRecord = 0x16;  // RFC 8446, 5.1
constexpr int kCalledAtOnce = 64;

}  // namespace

Result<std::unique_ptr<Lobby>> Lobby::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("epoll_create1");
  return std::unique_ptr<Lobby>(new Lobby(std::move(epoll)));
}

int Lobby::patience_ms() const {
  if (guests_.empty()) return -1;
  const auto left = guests_.front().since + limits::kLobbyPatience - BootClock::now();
  const auto ms = std::chrono::ceil<milliseconds>(left).count();
  return static_cast<int>(std::max<milliseconds::rep>(ms, 0));
}

void Lobby::seat(UniqueFd connection, const ListenSocket& from) {
  if (guests_.size() >= limits::kLobbyMax) guests_.pop_front();
  Guest& guest = guests_.emplace_back(Guest{std::move(connection), &from, BootClock::now()});
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = guest.connection.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event.data.fd, &event) != 0) guests_.pop_back();
}

std::vector<Lobby::Guest> Lobby::call_in() {
  std::array<epoll_event, kCalledAtOnce> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), kCalledAtOnce, 0);
  std::vector<Guest> called;
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    const auto found = std::find_if(guests_.begin(), guests_.end(), [fd](const Guest& guest) {
      return guest.connection.get() == fd;
    });
    if (found == guests_.end()) continue;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    called.push_back(std::move(*found));
    guests_.erase(found);
  }
  const BootTime now = BootClock::now();
  while (!guests_.empty() && now - guests_.front().since >= limits::kLobbyPatience)
    guests_.pop_front();
  return called;
}

std::optional<Language> first_words(int connection) {
  unsigned char first = 0;
  if (::recv(connection, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return std::nullopt;
  return first == kHandshakeRecord ? Language::kTls : Language::kPlainText;
}

}  // namespace takt::rpc
