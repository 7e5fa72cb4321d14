// SPDX-License-Identifier: Apache-2.0
#include "rpc/lobby.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <string>

#include "base/limits.h"
#include "rpc/tuning.h"

namespace takt::rpc {
namespace {

constexpr unsigned char kHandshakeRecord = 0x16;  // RFC 8446, 5.1
constexpr int kCalledAtOnce = 64;
constexpr std::size_t kPeekBytes = 16384;

// Where the next MSG_PEEK begins, so that each byte is looked at once; -1: at what is read next.
bool peek_from(int fd, int offset) {
  return ::setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset) == 0;
}

bool offer_settings(int fd, const Caller& caller) {
  const std::string frame = settings_frame(streams_of(caller));
  return peek_from(fd, 0) && ::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
                                 static_cast<ssize_t>(frame.size());
}

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

void Lobby::seat(Newcomer newcomer) {
  const int fd = newcomer.connection.get();
  if (newcomer.from->unix_socket && !offer_settings(fd, newcomer.caller)) return;
  guests_.push_back(Guest{std::move(newcomer), BootClock::now(), {}});
  by_fd_.insert_or_assign(fd, std::prev(guests_.end()));
  // By edges: what has come stays in the socket.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) leave(std::prev(guests_.end()));
}

void Lobby::leave(Guests::iterator guest) {
  by_fd_.erase(guest->newcomer.connection.get());
  guests_.erase(guest);
}

Lobby::Wait Lobby::look_at(Guest& guest) {
  if (!guest.newcomer.from->unix_socket) return Wait::kOver;
  const int fd = guest.newcomer.connection.get();
  std::array<char, kPeekBytes> bytes{};
  while (true) {
    const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Wait::kGoesOn;
    if (got <= 0) return Wait::kGone;
    switch (guest.settings.feed({bytes.data(), static_cast<std::size_t>(got)})) {
      case SettingsAckFinder::Found::kNotYet:
        continue;
      case SettingsAckFinder::Found::kAcknowledged:
        return peek_from(fd, -1) ? Wait::kOver : Wait::kGone;
      case SettingsAckFinder::Found::kOther:
        return Wait::kGone;
    }
  }
}

std::vector<Newcomer> Lobby::call_in() {
  std::array<epoll_event, kCalledAtOnce> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), kCalledAtOnce, 0);
  std::vector<Newcomer> called;
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    const auto found = by_fd_.find(fd);
    if (found == by_fd_.end()) continue;
    const Guests::iterator guest = found->second;
    const Wait wait = look_at(*guest);
    if (wait == Wait::kGoesOn) continue;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    Newcomer newcomer = std::move(guest->newcomer);
    by_fd_.erase(found);
    guests_.erase(guest);
    if (wait == Wait::kOver) called.push_back(std::move(newcomer));
  }
  const BootTime now = BootClock::now();
  while (!guests_.empty() && now - guests_.front().since >= limits::kLobbyPatience)
    leave(guests_.begin());
  return called;
}

std::optional<Language> first_words(int connection) {
  unsigned char first = 0;
  if (::recv(connection, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return std::nullopt;
  return first == kHandshakeRecord ? Language::kTls : Language::kPlainText;
}

}  // namespace takt::rpc
