// SPDX-License-Identifier: Apache-2.0
#include "sd/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <tuple>

#include "base/unique_fd.h"

namespace takt::sd {
namespace {

// sd_notify(3) opens a socket for each message, so that a service out of descriptors is silent, and
// its watchdog kills it; and it waits for a manager that hangs.
void send(std::string_view message, int flags) {
  static const UniqueFd kept(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const char* const variable = std::getenv("NOTIFY_SOCKET");
  const std::string_view where = variable == nullptr ? "" : variable;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (where.empty() || where.size() >= sizeof address.sun_path) return;
  std::copy(where.begin(), where.end(), address.sun_path);
  // "@" stands for the NUL of an abstract address, which has no NUL at its end.
  const bool abstract = where.front() == '@';
  if (abstract) address.sun_path[0] = '\0';
  const auto size = offsetof(sockaddr_un, sun_path) + where.size() + (abstract ? 0 : 1);
  std::ignore = ::sendto(kept.get(), message.data(), message.size(), MSG_NOSIGNAL | flags,
                         reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
}

}  // namespace

bool booted() { return sd_booted() > 0; }

void notify_ready() { send("READY=1", 0); }

void notify_stopping() { send("STOPPING=1", MSG_DONTWAIT); }

void notify_reloading() {
  // Type=notify-reload wants the time of CLOCK_MONOTONIC with it; steady_clock is that clock.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto usec = std::chrono::duration_cast<microseconds>(now).count();
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec), 0);
}

void notify_status(const std::string& text) {
  std::string line = "STATUS=" + text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  send(line, MSG_DONTWAIT);
}

void notify_watchdog() { send("WATCHDOG=1", MSG_DONTWAIT); }

std::optional<microseconds> watchdog_period() {
  std::uint64_t period = 0;
  if (sd_watchdog_enabled(0, &period) <= 0) return std::nullopt;
  return microseconds(period);
}

}  // namespace takt::sd
