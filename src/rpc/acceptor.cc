// SPDX-License-Identifier: Apache-2.0
#include "rpc/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/log.h"
#include "base/process.h"

namespace takt::rpc {
namespace {

constexpr int kAcceptsPerWake = 64;  // of one socket, so that all get their turn
constexpr int kPauseMs = 100;        // without descriptors; connections wait in the backlog
// Left to what is to be written and sent meanwhile: clients alone shall not stop that.
constexpr std::size_t kDescriptorsLeft = 16;

void set_nodelay(int fd) {
  const int on = 1;
  // gRPC does not do it on this path, and Nagle costs 40 ms a call. Failing is harmless.
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::start(const std::vector<ListenSocket>& sockets,
                                                  Events events) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return system_error("eventfd");
  auto lobby = Lobby::create();
  if (!lobby) return lobby.error();
  std::unique_ptr<Acceptor> acceptor(
      new Acceptor(sockets, std::move(events), std::move(wake), std::move(*lobby)));
  // Signals are the main thread's.
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  acceptor->thread_ = std::thread([raw = acceptor.get()] { raw->run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return acceptor;
}

Acceptor::Acceptor(const std::vector<ListenSocket>& sockets, Events events, UniqueFd wake,
                   std::unique_ptr<Lobby> lobby)
    : sockets_(sockets),
      events_(std::move(events)),
      wake_(std::move(wake)),
      lobby_(std::move(lobby)) {}

Acceptor::~Acceptor() {
  const std::uint64_t one = 1;
  TAKT_CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one, "an eventfd takes a number");
  thread_.join();
}

void Acceptor::run() {
  std::vector<pollfd> polled;
  polled.push_back({wake_.get(), POLLIN, 0});
  polled.push_back({lobby_->fd(), POLLIN, 0});
  polled.push_back({events_.watched_fd, POLLIN, 0});
  const std::size_t first_socket = polled.size();
  for (const ListenSocket& socket : sockets_) polled.push_back({socket.fd.get(), POLLIN, 0});
  bool paused = false;
  while (true) {
    const nfds_t count = paused ? first_socket : polled.size();
    if (::poll(polled.data(), count, paused ? kPauseMs : lobby_->patience_ms()) < 0) {
      TAKT_CHECK(errno == EINTR, "poll: errno %d", errno);
      continue;
    }
    if (polled[0].revents != 0) return;
    if (polled[2].revents != 0) events_.on_watched();
    for (Newcomer& newcomer : lobby_->call_in()) events_.on_connection(std::move(newcomer));
    if (std::exchange(paused, false)) continue;
    for (std::size_t i = first_socket; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      switch (accept_some(sockets_[i - first_socket])) {
        case After::kGoOn:
          break;
        case After::kPause:
          paused = true;
          break;
        case After::kDrop:
          polled[i].fd = -1;  // poll passes over it
          break;
      }
    }
  }
}

Acceptor::After Acceptor::accept_some(const ListenSocket& socket) {
  for (int i = 0; i < kAcceptsPerWake; ++i) {
    if (!can_open(kDescriptorsLeft)) return accept_failed(socket, EMFILE);
    UniqueFd connection(::accept4(socket.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection) {
      if (errno == EAGAIN) return After::kGoOn;
      const After after = accept_failed(socket, errno);
      if (after != After::kGoOn) return after;
      continue;
    }
    if (!socket.unix_socket) set_nodelay(connection.get());
    Newcomer newcomer{std::move(connection), &socket, {}, {}};
    if (events_.admit(newcomer)) lobby_->seat(std::move(newcomer));
  }
  return After::kGoOn;
}

Acceptor::After Acceptor::accept_failed(const ListenSocket& socket, int error_number) {
  switch (error_number) {
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
      log_error("no more connections on " + socket.display + ": " +
                system_error("accept", error_number).message);
      return After::kDrop;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      if (exhausted_gate_.open())
        log_warning("connections to " + socket.display +
                    " have to wait: " + system_error("accept", error_number).message);
      return After::kPause;
    default:
      return After::kGoOn;  // this one connection failed (ECONNABORTED, EINTR, the network)
  }
}

}  // namespace takt::rpc
