// SPDX-License-Identifier: Apache-2.0
#include "bench/raw/commands.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "base/check.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::bench {
namespace {

pid_t spawn(char* const* argv, int out) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  TAKT_CHECK(error == 0, "%s: %s", argv[0], errno_text(error).c_str());
  return pid;
}

// Reads until the end; gives when the first byte came.
std::optional<BootTime> drain(int fd) {
  std::optional<BootTime> first;
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.data(), buffer.size())) > 0)
    if (!first) first = BootClock::now();
  TAKT_CHECK(got == 0, "read: %s", errno_text(errno).c_str());
  return first;
}

void time_once(char* const* argv, CommandTimes& times) {
  std::array<int, 2> ends{};
  TAKT_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe: %s", errno_text(errno).c_str());
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  const BootTime begin = BootClock::now();
  const pid_t pid = spawn(argv, in.get());
  in.reset();
  const std::optional<BootTime> first = drain(out.get());
  int status = 0;
  TAKT_CHECK(::waitpid(pid, &status, 0) == pid, "waitpid: %s", errno_text(errno).c_str());
  TAKT_CHECK(status == 0, "%s ended with status %d", argv[0], status);
  times.spans.push_back(BootClock::now() - begin);
  if (first) times.first_bytes.push_back(*first - begin);
}

}  // namespace

CommandTimes time_command(int count, char* const* argv) {
  CommandTimes times;
  for (int at = 0; at < count; ++at) time_once(argv, times);
  return times;
}

}  // namespace takt::bench
