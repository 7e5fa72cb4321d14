// SPDX-License-Identifier: Apache-2.0
#include "supervisor/spawner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "attempt/control.h"
#include "base/fs.h"
#include "base/log.h"
#include "supervisor/clone.h"
#include "supervisor/parked.h"

namespace takt::supervisor {
namespace {

constexpr mode_t kUmask = 0022;

// Away from terminals, folders and other people's descriptors.
Result<void> detach() {
  if (::syscall(SYS_close_range, attempt::kSpawnerSocketFd + 1, ~0U, 0) != 0)
    return system_error("close_range");
  if (::fcntl(attempt::kSpawnerSocketFd, F_SETFD, FD_CLOEXEC) != 0)
    return system_error("descriptor 3 is not the spawner's socket");
  struct sigaction no_zombies {};
  no_zombies.sa_handler = SIG_DFL;
  no_zombies.sa_flags = SA_NOCLDWAIT;
  if (::sigaction(SIGCHLD, &no_zombies, nullptr) != 0) return system_error("sigaction");
  std::ignore = ::setsid();  // fails where we lead a group already: then we are apart as well
  if (::chdir("/") != 0) return system_error("chdir /");
  ::umask(kUmask);
  return {};
}

struct Answer {
  attempt::SpawnAnswer message;
  UniqueFd pidfd;
};

Answer refuse(std::uint64_t number, int error_number) {
  return {.message = {.number = number, .pid = 0, .error_number = error_number}, .pidfd = {}};
}

// `fds`: the control socket [, the cgroup].
Answer spawn(std::uint64_t number, std::vector<UniqueFd>& fds) {
  if (fds.empty() || fds.size() > 2) return refuse(number, EBADMSG);
  auto cloned = clone_process(fds.size() == 2 ? std::optional<int>(fds[1].get()) : std::nullopt);
  if (!cloned) return refuse(number, cloned.error().error_number);
  if (cloned->pid == 0) run_parked(std::move(fds[0]));
  return {.message = {.number = number, .pid = cloned->pid, .error_number = 0},
          .pidfd = std::move(cloned->pidfd)};
}

Result<void> answer(int socket, const Answer& answer) {
  const std::array<int, 1> fds{answer.pidfd.get()};
  return attempt::send_message(socket, answer.message, std::span(fds).first(answer.pidfd ? 1 : 0));
}

}  // namespace

int run_spawner() {
  auto detached = detach();
  if (!detached) {
    log_error("The spawner cannot start: " + detached.error().message);
    return EXIT_FAILURE;
  }
  const int socket = attempt::kSpawnerSocketFd;
  for (;;) {
    auto packet = attempt::receive_packet(socket);
    if (packet && packet->end) return EXIT_SUCCESS;
    const auto message =
        packet ? attempt::decode_message(packet->data) : Result<attempt::Message>(packet.error());
    const auto* request = message ? std::get_if<attempt::SpawnRequest>(&*message) : nullptr;
    if (request == nullptr) {
      log_error("The spawner ends, the worker starts a new one: it received no request" +
                (message ? std::string() : ": " + message.error().message));
      return EXIT_FAILURE;
    }
    const auto sent = answer(socket, spawn(request->number, packet->fds));
    if (!sent) return EXIT_SUCCESS;  // the worker is gone
  }
}

}  // namespace takt::supervisor
