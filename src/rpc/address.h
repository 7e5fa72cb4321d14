// SPDX-License-Identifier: Apache-2.0
// Addresses as the configuration and the command line write them. Guarantees: what parses has a
// form that both bind and connect accept; no name is looked up here.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace takt::rpc {

// "unix:/absolute/path", or "host:port" ("[::1]:7070" for IPv6).
struct Address {
  bool unix_socket = false;
  std::string path;  // of a unix socket
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

// Parses `text`; `field` is named in the error, which says the accepted forms.
Result<Address> parse_address(std::string_view text, std::string_view field = "address");

// The socket address of an absolute path; kInvalid if it does not fit (107 bytes).
Result<sockaddr_un> unix_sockaddr(const std::string& path);

// "unix:/path", "127.0.0.1:7070", "[::1]:7070" of a socket's own address (getsockname).
Result<std::string> local_display(int fd);

// The same of the other end of a TCP connection; "an unknown address" if it is gone.
std::string remote_display(int fd);

// Where a TCP connection comes from, as far as that says who opens it: an IPv4 address, or the /64
// of an IPv6 one, of which a single host may have them all.
std::string remote_network(int fd);
std::string network_of(const sockaddr_storage& address);

}  // namespace takt::rpc
