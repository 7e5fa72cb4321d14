// SPDX-License-Identifier: Apache-2.0
// takt-supervisor --hold, and the program's other verbs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/fs.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

// Runs takt-supervisor with one argument; stdout goes to `output`, if given.
pid_t run(const char* verb, const std::string& notify_socket, const cgroup::Cgroup* cgroup,
          int output = -1) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (cgroup != nullptr && !cgroup->add_process(0)) ::_exit(99);
  if (output >= 0) ::dup2(output, 1);
  const std::string notify = "NOTIFY_SOCKET=" + notify_socket;
  const char* const environment[] = {notify_socket.empty() ? nullptr : notify.c_str(), nullptr};
  const char* const arguments[] = {TAKT_SUPERVISOR, verb, nullptr};
  ::execve(TAKT_SUPERVISOR, const_cast<char**>(arguments), const_cast<char**>(environment));
  ::_exit(98);
}

int status_of(pid_t pid) {
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

TEST(Hold, MovesAwaySaysReadyAndEndsWhenAsked) {
  const test::TestCgroup cgroup;
  const test::TempFolder folder;
  const std::string path = folder.path() + "/notify";
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  ASSERT_EQ(::bind(socket.get(), where, sizeof address), 0);
  const pid_t pid = run("--hold", path, &cgroup.get());
  ASSERT_TRUE(wait_for(socket.get(), POLLIN));
  std::array<char, 256> text{};
  ASSERT_GT(::recv(socket.get(), text.data(), text.size() - 1, 0), 0);
  EXPECT_EQ(std::string(text.data()).substr(0, 8), "READY=1\n");
  EXPECT_EQ(cgroup::path_of_process(pid).value(), cgroup.get().path() + "/hold");
  EXPECT_EQ(cgroup.get().read("cgroup.subtree_control").value(), "") << "enables nothing";
  ASSERT_EQ(::kill(pid, SIGCONT), 0);  // not from PID 1: means nothing
  ASSERT_EQ(::kill(pid, SIGTERM), 0);
  EXPECT_EQ(status_of(pid), 0);
}

TEST(Program, NothingTakesThePlaceOfAStandardStreamThatWasClosed) {
  auto [ours, theirs] = attempt::make_socket_pair().value();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(theirs.get(), attempt::kSpawnerSocketFd);
    if (theirs.get() == attempt::kSpawnerSocketFd) ::fcntl(theirs.get(), F_SETFD, 0);
    for (const int fd : {0, 1, 2}) ::close(fd);
    ::execl(TAKT_SUPERVISOR, TAKT_SUPERVISOR, "--spawner", nullptr);
    ::_exit(98);
  }
  theirs.reset();
  // Its answer says that it is up.
  EXPECT_TRUE(attempt::send_message(ours.get(), attempt::SpawnRequest{7}).ok());
  EXPECT_TRUE(wait_for(ours.get(), POLLIN));
  for (const char* fd : {"0", "1", "2"}) {
    const std::string link = "/proc/" + std::to_string(pid) + "/fd/" + fd;
    std::array<char, 64> target{};
    EXPECT_GT(::readlink(link.c_str(), target.data(), target.size() - 1), 0) << link;
    EXPECT_STREQ(target.data(), "/dev/null");
  }
  ours.reset();
  EXPECT_EQ(status_of(pid), 0);
}

TEST(Program, ExplainsItself) {
  for (const char* verb : {"--help", "--version"}) {
    const test::TempFolder folder;
    const UniqueFd output = open_at(folder.fd(), "out", O_CREAT | O_WRONLY, 0600).value();
    EXPECT_EQ(status_of(run(verb, "", nullptr, output.get())), 0) << verb;
    EXPECT_NE(read_file(folder.fd(), "out", 4096).value().find("takt"), std::string::npos);
  }
}

TEST(Program, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(WEXITSTATUS(status_of(run("--nonsense", "", nullptr))), 2);
}

}  // namespace
}  // namespace takt::supervisor
