// SPDX-License-Identifier: Apache-2.0
#include "supervisor/hold.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "attempt/folder.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "supervisor/signals.h"

namespace takt::supervisor {
namespace {

Result<void> move_to_leaf() {
  auto tree = cgroup::Tree::find();
  if (!tree) return tree.error();
  auto path = cgroup::path_of_self();
  if (!path) return path.error();
  auto own = cgroup::Cgroup::open(*tree, *path);
  if (!own) return own.error();
  auto leaf = own->make_child(attempt::kHoldLeaf);
  if (!leaf) return leaf.error();
  return leaf->add_process(0);
}

// sd_notify(3)'s protocol; without NOTIFY_SOCKET nobody asked.
Result<void> notify(std::string_view state) {
  const char* socket_path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  if (socket_path == nullptr || *socket_path == '\0') return {};
  const std::string_view path = socket_path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return invalid("NOTIFY_SOCKET", "too long");
  std::copy(path.begin(), path.end(), address.sun_path);
  if (path.front() == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("socket");
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, where, length) < 0)
    return system_error("notify");
  return {};
}

Result<void> wait_for_stop() {
  auto signals = Signals::open();
  if (!signals) return signals.error();
  for (;;) {
    pollfd watched{.fd = signals->fd(), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, -1) < 0 && errno != EINTR) return system_error("poll");
    if (signals->take().stop) return {};
  }
}

Result<void> hold() {
  block_signals();
  auto moved = move_to_leaf();
  if (!moved) return moved;
  auto told = notify("READY=1\nSTATUS=Holding the cgroup below which jobs run.");
  if (!told) return told;
  return wait_for_stop();
}

}  // namespace

int run_hold() {
  auto held = hold();
  if (held) return EXIT_SUCCESS;
  log_error("Cannot hold the jobs' cgroup: " + held.error().message);
  return EXIT_FAILURE;
}

}  // namespace takt::supervisor
