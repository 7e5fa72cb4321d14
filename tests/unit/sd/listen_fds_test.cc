// SPDX-License-Identifier: Apache-2.0
#include "sd/listen_fds.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace takt::sd {
namespace {

UniqueFd tcp_socket(bool listening) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  if (listening && ::listen(fd.get(), 1) != 0) ADD_FAILURE() << "listen";
  return fd;
}

// Runs `check` in a child that has inherited `sockets` the way a service does; what it returns is
// what went wrong, empty if nothing.
std::string in_service(const std::vector<int>& sockets, const char* names,
                       const std::function<std::string()>& check) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return "pipe";
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const int report = ::fcntl(out.get(), F_DUPFD_CLOEXEC, 100);
    std::vector<int> high;
    for (const int fd : sockets) high.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, 100));
    int next = 3;
    for (const int fd : high) ::dup2(fd, next++);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
    if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
    const std::string wrong = check();
    [[maybe_unused]] const ssize_t sent = ::write(report, wrong.data(), wrong.size());
    ::_exit(0);
  }
  out.reset();
  std::string wrong;
  char buffer[512];
  for (ssize_t got = 0; (got = ::read(in.get(), buffer, sizeof buffer)) > 0;)
    wrong.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? wrong : wrong + " child failed";
}

TEST(ListenFdsTest, NoneWithoutActivation) {
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  const auto sockets = take_inherited_sockets();
  ASSERT_TRUE(sockets.ok()) << sockets.error().message;
  EXPECT_TRUE(sockets->empty());
}

TEST(ListenFdsTest, TakesThemByNameOnce) {
  const UniqueFd one = tcp_socket(true);
  const UniqueFd two = tcp_socket(true);
  const auto check = []() -> std::string {
    auto sockets = take_inherited_sockets();
    if (!sockets) return sockets.error().message;
    if (sockets->size() != 2) return "size " + std::to_string(sockets->size());
    if ((*sockets)[0].name != "api" || (*sockets)[1].name != "tcp") return "names";
    for (const auto& socket : *sockets) {
      if ((::fcntl(socket.fd.get(), F_GETFD) & FD_CLOEXEC) == 0) return "not close-on-exec";
    }
    if ((*sockets)[0].fd.get() != 3 || (*sockets)[1].fd.get() != 4) return "numbers";
    if (std::getenv("LISTEN_FDS") != nullptr) return "left in the environment";
    auto again = take_inherited_sockets();
    return again.ok() && again->empty() ? "" : "taken twice";
  };
  EXPECT_EQ(in_service({one.get(), two.get()}, "api:tcp", check), "");
}

TEST(ListenFdsTest, SaysWhichOneIsOfAnotherKind) {
  const UniqueFd good = tcp_socket(true);
  const UniqueFd idle = tcp_socket(false);
  const UniqueFd datagram(::socket(AF_UNIX, SOCK_DGRAM, 0));
  const UniqueFd file(::open("/dev/null", O_RDONLY));
  for (const int bad : {idle.get(), datagram.get(), file.get()}) {
    const auto check = []() -> std::string {
      auto sockets = take_inherited_sockets();
      if (sockets) return "accepted";
      if (sockets.error().code != ErrorCode::kInvalid) return "code: " + sockets.error().message;
      if (sockets.error().message.find("descriptor 4 (\"odd\") is not a listening stream socket") ==
          std::string::npos)
        return sockets.error().message;
      return ::fcntl(3, F_GETFD) < 0 && ::fcntl(4, F_GETFD) < 0 ? "" : "left open";
    };
    EXPECT_EQ(in_service({good.get(), bad}, "api:odd", check), "");
  }
}

TEST(ListenFdsTest, RefusesNamesThatDoNotMatch) {
  const UniqueFd one = tcp_socket(true);
  const auto check = []() -> std::string {
    return take_inherited_sockets().ok() ? "accepted" : "";
  };
  EXPECT_EQ(in_service({one.get()}, "api:tcp", check), "");
}

}  // namespace
}  // namespace takt::sd
