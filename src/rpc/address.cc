// SPDX-License-Identifier: Apache-2.0
#include "rpc/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

namespace takt::rpc {
namespace {

constexpr std::string_view kUnixScheme = "unix:";
constexpr const char* kUnknownAddress = "an unknown address";

Error bad_address(std::string_view text, std::string_view field, std::string_view why) {
  return invalid(std::string(field), "\"" + std::string(text) + "\" " + std::string(why) +
                                         "; accepted are unix:/path and host:port, with an IPv6 "
                                         "host in brackets");
}

Result<Address> parse_unix(std::string_view text, std::string_view field) {
  Address address;
  address.unix_socket = true;
  address.path = text.substr(kUnixScheme.size());
  if (address.path.empty() || address.path[0] != '/')
    return bad_address(text, field, "is no absolute path");
  if (address.path.find('\0') != std::string::npos) return bad_address(text, field, "has a NUL");
  if (address.path.size() >= sizeof(sockaddr_un::sun_path))
    return bad_address(text, field, "is too long: a socket's path has at most 107 bytes");
  return address;
}

bool host_characters(std::string_view host) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";
  return !host.empty() && host.find_first_not_of(kAllowed) == std::string_view::npos;
}

// The kernel's text of an IPv4 or IPv6 socket address.
std::string inet_display(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(in.sin_port));
  }
  sockaddr_in6 in6{};
  std::memcpy(&in6, &storage, sizeof in6);
  ::inet_ntop(AF_INET6, &in6.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(in6.sin6_port));
}

std::optional<sockaddr_storage> remote_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return std::nullopt;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return std::nullopt;
  return address;
}

}  // namespace

Result<Address> parse_address(std::string_view text, std::string_view field) {
  if (text.starts_with(kUnixScheme)) return parse_unix(text, field);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_address(text, field, "has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!host_characters(host)) return bad_address(text, field, "has no usable host");
  if (bracketed != (host.find(':') != std::string_view::npos))
    return bad_address(text, field, "has a host that is neither a name, nor IPv4, nor [IPv6]");
  Address address;
  address.host = host;
  const auto [end, error] = std::from_chars(port.begin(), port.end(), address.port);
  if (error != std::errc() || end != port.end() || port.empty())
    return bad_address(text, field, "has no port between 0 and 65535");
  return address;
}

Result<sockaddr_un> unix_sockaddr(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return invalid("address", "\"" + path + "\" is no path of 1 to 107 bytes");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

Result<std::string> local_display(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0)
    return system_error("getsockname");
  if (storage.ss_family == AF_INET || storage.ss_family == AF_INET6) return inet_display(storage);
  if (storage.ss_family != AF_UNIX)
    return invalid("address", "socket of family " + std::to_string(storage.ss_family) +
                                  "; accepted are unix, IPv4 and IPv6");
  constexpr std::size_t kHead = offsetof(sockaddr_un, sun_path);
  std::string path(reinterpret_cast<const char*>(&storage) + kHead,
                   length > kHead ? length - kHead : 0);
  if (!path.empty() && path[0] == '\0') {
    path[0] = '@';  // the abstract namespace, as systemd writes it
  } else {
    path.resize(std::min(path.find('\0'), path.size()));  // without the terminating NUL
  }
  return "unix:" + path;
}

std::string remote_display(int fd) {
  const auto address = remote_address(fd);
  return address ? inet_display(*address) : kUnknownAddress;
}

std::string remote_network(int fd) {
  const auto address = remote_address(fd);
  return address ? network_of(*address) : kUnknownAddress;
}

std::string network_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const std::string text = inet_display(address);
    return text.substr(0, text.rfind(':'));  // the port is another one for each connection
  }
  sockaddr_in6 in6{};
  std::memcpy(&in6, &address, sizeof in6);
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
    ::inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], host.data(), host.size());
    return host.data();
  }
  std::fill(std::begin(in6.sin6_addr.s6_addr) + 8, std::end(in6.sin6_addr.s6_addr), 0);
  ::inet_ntop(AF_INET6, &in6.sin6_addr, host.data(), host.size());
  return std::string(host.data()) + "/64";
}

}  // namespace takt::rpc
