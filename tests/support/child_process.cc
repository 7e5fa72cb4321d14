// SPDX-License-Identifier: Apache-2.0
#include "support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "base/check.h"
#include "base/fs.h"
#include "base/process.h"
#include "support/default_signals.h"
#include "support/eventually.h"

namespace takt::test {

ChildProcess::ChildProcess(const std::vector<std::string>& argv, const std::string& log) {
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  const int error =
      ::posix_spawn(&pid_, pointers[0], &actions, DefaultSignals().get(), pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  TAKT_CHECK(error == 0, "%s: errno %d", argv[0].c_str(), error);
  auto pidfd = open_pidfd(pid_);
  TAKT_CHECK(pidfd.ok(), "%s", pidfd.error().message.c_str());
  pidfd_ = std::move(*pidfd);
}

ChildProcess::~ChildProcess() {
  if (status_) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ChildProcess::signal(int number) const {
  static_cast<void>(signal_pidfd(pidfd_.get(), number));
}

bool ChildProcess::running() const { return !status_ && !pidfd_ended(pidfd_.get()); }

std::optional<int> ChildProcess::wait() {
  if (status_) return status_;
  pollfd watched{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  const auto patience = std::chrono::milliseconds(kPatience).count();
  if (::poll(&watched, 1, static_cast<int>(patience)) != 1) return std::nullopt;
  int status = 0;
  TAKT_CHECK(::waitpid(pid_, &status, 0) == pid_, "waitpid %d", pid_);
  status_ = status;
  return status_;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  const auto threads = list_directory(AT_FDCWD, tasks);
  if (!threads) return children;
  for (const std::string& thread : *threads) {
    const auto text = read_file(AT_FDCWD, tasks + "/" + thread + "/children", 1 << 20);
    if (!text) continue;
    const char* at = text->data();
    const char* const end = at + text->size();
    while (at < end) {
      pid_t child = 0;
      const auto parsed = std::from_chars(at, end, child);
      if (parsed.ec != std::errc()) break;
      children.push_back(child);
      at = parsed.ptr + 1;
    }
  }
  return children;
}

void reap_orphans() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace takt::test
