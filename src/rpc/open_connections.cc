// SPDX-License-Identifier: Apache-2.0
#include "rpc/open_connections.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <utility>

namespace takt::rpc {
namespace {

constexpr int kClosedAtOnce = 256;

}  // namespace

Result<std::unique_ptr<OpenConnections>> OpenConnections::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("epoll_create1");
  return std::unique_ptr<OpenConnections>(new OpenConnections(std::move(epoll)));
}

Result<void> OpenConnections::add(UniqueFd duplicate, std::shared_ptr<const void> held) {
  // EPOLLHUP needs no mention. Not EPOLLRDHUP: a peer that has shut down its half may go on
  // reading.
  epoll_event event{};
  const int fd = duplicate.get();
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    const Error error = system_error("watch a connection");
    ::shutdown(fd, SHUT_RDWR);
    return error;
  }
  open_.insert_or_assign(fd, Open{std::move(duplicate), std::move(held)});
  return {};
}

void OpenConnections::drop_closed() {
  std::array<epoll_event, kClosedAtOnce> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), kClosedAtOnce, 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    // A close alone leaves it in the set for as long as gRPC has its descriptor.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    open_.erase(fd);
  }
}

}  // namespace takt::rpc
