// SPDX-License-Identifier: Apache-2.0
#include "support/connect_as.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/check.h"
#include "rpc/address.h"

namespace takt::test {
namespace {

// One descriptor through a unix socket; only system calls, as after fork in a threaded process.
bool send_fd(int channel, int fd) {
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(channel, &message, MSG_NOSIGNAL) == 1;
}

UniqueFd receive_fd(int channel) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1) return {};
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

// In the forked child: becomes the user, then connects once for each byte that comes, and sends the
// connection back. It keeps nothing else open: a connection would not close with its owner.
[[noreturn]] void child_connect(int channel, const sockaddr_un& address, uid_t uid, gid_t gid,
                                const std::vector<gid_t>& groups) {
  bool ok = ::dup2(channel, 0) == 0 && ::syscall(SYS_close_range, 3U, ~0U, 0U) == 0;
  // Raw calls: glibc's wrappers would first talk to threads that do not exist in this child.
  if (::geteuid() == 0) {
    ok = ok && ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
    ok = ok && ::syscall(SYS_setresgid, gid, gid, gid) == 0;
    ok = ok && ::syscall(SYS_setresuid, uid, uid, uid) == 0;
  }
  char byte = 0;
  while (ok && ::read(0, &byte, 1) == 1) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = fd >= 0 &&
         ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         send_fd(0, fd);
    ::close(fd);
  }
  ::_exit(ok ? 0 : 1);
}

}  // namespace

UserConnector::UserConnector(const std::string& path, uid_t uid, gid_t gid,
                             const std::vector<gid_t>& groups) {
  const Result<sockaddr_un> address = rpc::unix_sockaddr(path);
  TAKT_CHECK(address.ok(), "path");
  std::array<int, 2> pair{};
  TAKT_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0, "socketpair");
  channel_ = UniqueFd(pair[0]);
  const UniqueFd theirs(pair[1]);
  child_ = ::fork();
  if (child_ == 0) child_connect(theirs.get(), *address, uid, gid, groups);
}

UserConnector::~UserConnector() {
  channel_.reset();
  ::waitpid(child_, nullptr, 0);
}

UniqueFd UserConnector::connect() {
  const char byte = 'x';
  if (::send(channel_.get(), &byte, 1, MSG_NOSIGNAL) != 1) return {};
  return receive_fd(channel_.get());
}

UniqueFd connect_as(const std::string& path, uid_t uid, gid_t gid, std::vector<gid_t> groups) {
  UniqueFd connection = UserConnector(path, uid, gid, groups).connect();
  TAKT_CHECK(connection, "a process of uid %u could not connect to %s", uid, path.c_str());
  return connection;
}

}  // namespace takt::test
