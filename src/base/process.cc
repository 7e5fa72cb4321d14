// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <charconv>
#include <string>

#include "base/fs.h"

namespace takt {

Result<UniqueFd> open_pidfd(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return system_error("pidfd_open " + std::to_string(pid));
  return UniqueFd(static_cast<int>(fd));
}

Result<void> signal_pidfd(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0)
    return system_error("pidfd_send_signal");
  return {};
}

bool pidfd_ended(int pidfd) {
  pollfd watched{.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) > 0;
}

Result<std::uint64_t> process_start_ticks(pid_t pid) {
  const std::string name = "/proc/" + std::to_string(pid) + "/stat";
  auto text = read_file(AT_FDCWD, name, 4096);
  if (!text) return text.error();
  // The command name stands in parentheses and may hold anything: fields count from the last ')'.
  std::size_t at = text->rfind(')');
  constexpr int kFieldsAfterName = 20;  // state is the first after the name, starttime the 20th
  for (int field = 0; field < kFieldsAfterName && at != std::string::npos; ++field)
    at = text->find(' ', at + 1);
  std::uint64_t ticks = 0;
  if (at == std::string::npos) return make_error(ErrorCode::kInternal, name + " is too short");
  const char* begin = text->data() + at + 1;
  const auto parsed = std::from_chars(begin, text->data() + text->size(), ticks);
  if (parsed.ec != std::errc())
    return make_error(ErrorCode::kInternal, name + " has no start time");
  return ticks;
}

Result<void> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return system_error("getrlimit RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return system_error("setrlimit RLIMIT_NOFILE");
  return {};
}

bool can_open(std::size_t count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const UniqueFd lowest(::open("/", O_PATH | O_CLOEXEC));
  return lowest && static_cast<std::size_t>(lowest.get()) + count <= limit.rlim_cur;
}

}  // namespace takt
