// SPDX-License-Identifier: Apache-2.0
#include "rpc/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/fs.h"
#include "rpc/address.h"
#include "rpc/caller.h"

namespace takt::rpc {
namespace {

constexpr int kBacklog = 4096;  // the kernel's own cap

Result<int> socket_option(int fd, int option, const char* what) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &length) != 0) return system_error(what);
  return value;
}

Error plain_text_refused(const std::string& display) {
  Error error = make_error(
      ErrorCode::kFailedPrecondition,
      display +
          " would carry plain text over TCP: whoever reaches it could do everything. Give it TLS "
          "(certificate, key and ca in [tls]; takt-tls(7) shows how to make them), or use the unix "
          "socket, or allow plain text with \"insecure = yes\"");
  error.field = "insecure";
  return error;
}

// True when somebody accepts connections there; false for a path that is left over.
Result<bool> in_use(const sockaddr_un& address, const std::string& path) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return system_error("socket");
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(probe.get(), generic, sizeof address) == 0) return true;
  if (errno == EAGAIN) return true;  // its backlog is full: very much in use
  if (errno == ECONNREFUSED || errno == ENOENT) return false;
  return system_error("connect to the socket at " + path);
}

Result<void> remove_stale(const sockaddr_un& address, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return system_error(path);
  }
  if (!S_ISSOCK(status.st_mode))
    return make_error(ErrorCode::kExists, path + " exists and is no socket; it was left alone");
  const Result<bool> used = in_use(address, path);
  if (!used) return used.error();
  if (*used)
    return make_error(ErrorCode::kExists, "another process listens on unix:" + path +
                                              "; stop it first, or choose another address");
  return remove_file(AT_FDCWD, path);
}

Result<UniqueFd> listen_unix(const std::string& path, const BindOptions& options) {
  const Result<sockaddr_un> address = unix_sockaddr(path);
  if (!address) return address.error();
  if (Result<void> removed = remove_stale(*address, path); !removed) return removed.error();
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error("socket");
  // The inode takes this mode (less the umask) at bind: at no time is it more open than asked.
  if (::fchmod(fd.get(), options.mode) != 0) return system_error("fchmod of a socket");
  const auto* generic = reinterpret_cast<const sockaddr*>(&*address);
  if (::bind(fd.get(), generic, sizeof *address) != 0) return system_error("bind unix:" + path);
  if (options.group != static_cast<gid_t>(-1) &&
      ::chown(path.c_str(), static_cast<uid_t>(-1), options.group) != 0)
    return system_error("chown " + path);
  if (::chmod(path.c_str(), options.mode) != 0) return system_error("chmod " + path);
  if (::listen(fd.get(), kBacklog) != 0) return system_error("listen on unix:" + path);
  return fd;
}

// Fills `storage` and gives its length; numbers and "localhost" only.
Result<socklen_t> inet_sockaddr(const Address& address, sockaddr_storage& storage) {
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  sockaddr_in in{};
  if (::inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&storage, &in, sizeof in);
    return socklen_t{sizeof in};
  }
  sockaddr_in6 in6{};
  if (::inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    std::memcpy(&storage, &in6, sizeof in6);
    return socklen_t{sizeof in6};
  }
  return invalid("address", "\"" + host + "\" is no address to listen on; accepted are IPv4 and " +
                                "[IPv6] numbers and localhost");
}

Result<UniqueFd> listen_inet(const Address& address, const std::string& text) {
  sockaddr_storage storage{};
  const Result<socklen_t> length = inet_sockaddr(address, storage);
  if (!length) return length.error();
  UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return system_error("socket");
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return system_error("SO_REUSEADDR");
  const auto* generic = reinterpret_cast<const sockaddr*>(&storage);
  if (::bind(fd.get(), generic, *length) != 0) return system_error("bind " + text);
  if (::listen(fd.get(), kBacklog) != 0) return system_error("listen on " + text);
  return fd;
}

// kInvalid unless `fd` is a stream socket that listens.
Result<void> check_listening(int fd) {
  const Result<int> type = socket_option(fd, SO_TYPE, "an inherited descriptor is no socket");
  if (!type) return type.error();
  const Result<int> listening = socket_option(fd, SO_ACCEPTCONN, "SO_ACCEPTCONN");
  if (!listening) return listening.error();
  if (*type != SOCK_STREAM || *listening == 0)
    return invalid("address",
                   "an inherited socket does not listen for connections; the .socket unit must use "
                   "ListenStream= and Accept=no");
  return {};
}

}  // namespace

Result<ListenSocket> adopt_socket(UniqueFd fd, Tcp tcp) {
  if (Result<void> checked = check_listening(fd.get()); !checked) return checked.error();
  Result<std::string> display = local_display(fd.get());
  if (!display) return display.error();
  ListenSocket socket;
  socket.unix_socket = display->starts_with("unix:");
  socket.display = std::move(*display);
  socket.tls = !socket.unix_socket && tcp == Tcp::kTls;
  if (!socket.unix_socket && tcp == Tcp::kRefused) return plain_text_refused(socket.display);
  if (Result<void> set = set_nonblocking(fd.get(), true); !set) return set.error();
  const int flags = ::fcntl(fd.get(), F_GETFD);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFD, flags | FD_CLOEXEC) != 0)
    return system_error("FD_CLOEXEC");
  socket.fd = std::move(fd);
  return socket;
}

Result<ListenSocket> bind_address(const std::string& address, const BindOptions& options) {
  const Result<Address> parsed = parse_address(address);
  if (!parsed) return parsed.error();
  if (!parsed->unix_socket && options.tcp == Tcp::kRefused) return plain_text_refused(address);
  Result<UniqueFd> fd =
      parsed->unix_socket ? listen_unix(parsed->path, options) : listen_inet(*parsed, address);
  if (!fd) return fd.error();
  Result<ListenSocket> socket = adopt_socket(std::move(*fd), options.tcp);
  if (socket && parsed->unix_socket) socket->owned_path = parsed->path;
  return socket;
}

Result<std::vector<ListenSocket>> open_listeners(ListenPlan plan) {
  if (!plan.inherited.empty() && !plan.addresses.empty())
    return invalid("listen", plan.program +
                                 ".socket owns the addresses under systemd; take listen out of the "
                                 "configuration, or stop and disable " +
                                 plan.program + ".socket");
  std::vector<ListenSocket> sockets;
  for (UniqueFd& fd : plan.inherited) {
    auto adopted = adopt_socket(std::move(fd), plan.tcp);
    if (!adopted) return adopted.error();
    sockets.push_back(std::move(*adopted));
  }
  if (sockets.empty() && plan.addresses.empty()) plan.addresses.push_back(plan.fallback);
  BindOptions options{.tcp = plan.tcp};
  const auto group = find_group(plan.group);
  if (!group) return group.error();
  if (*group) options.group = **group;
  for (const std::string& address : plan.addresses) {
    auto bound = bind_address(address, options);
    if (!bound) {
      for (ListenSocket& socket : sockets) close_listener(socket);
      return bound.error();
    }
    sockets.push_back(std::move(*bound));
  }
  return sockets;
}

void close_listener(ListenSocket& socket) {
  // Removed before it is closed: until then nobody else can have bound the same path.
  if (!socket.owned_path.empty()) ::unlink(socket.owned_path.c_str());
  socket.owned_path.clear();
  socket.fd.reset();
}

}  // namespace takt::rpc
