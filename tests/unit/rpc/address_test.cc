// SPDX-License-Identifier: Apache-2.0
#include "rpc/address.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

TEST(Address, UnixPath) {
  const auto address = parse_address("unix:/run/takt/scheduler.sock");
  ASSERT_TRUE(address.ok());
  EXPECT_TRUE(address->unix_socket);
  EXPECT_EQ(address->path, "/run/takt/scheduler.sock");
}

TEST(Address, HostAndPort) {
  const auto name = parse_address("db-2.example:7070");
  ASSERT_TRUE(name.ok());
  EXPECT_FALSE(name->unix_socket);
  EXPECT_EQ(name->host, "db-2.example");
  EXPECT_EQ(name->port, 7070);
  const auto v6 = parse_address("[fe80::1]:65535");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->host, "fe80::1");
  EXPECT_EQ(v6->port, 65535);
}

TEST(Address, RefusedWithFieldValueAndForms) {
  for (const char* bad :
       {"", "host", "host:", ":7070", "host:65536", "host:7x", "host:-1", "::1:7070", "[host]:1",
        "[::1]", "ho st:1", "unix:", "unix:relative", "dns:///evil:1", "host/:1"}) {
    const auto address = parse_address(bad, "worker.address");
    ASSERT_FALSE(address.ok()) << bad;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(address.error().field, "worker.address");
    EXPECT_THAT(address.error().message, HasSubstr("\"" + std::string(bad) + "\""));
    EXPECT_THAT(address.error().message, HasSubstr("unix:/path and host:port"));
  }
}

TEST(Address, UnixPathLength) {
  EXPECT_TRUE(parse_address("unix:/" + std::string(106, 'x')).ok());
  EXPECT_FALSE(parse_address("unix:/" + std::string(107, 'x')).ok());
  EXPECT_FALSE(parse_address(std::string("unix:/a\0b", 9)).ok());
}

std::string network(int family, const char* host) {
  sockaddr_storage storage{};
  if (family == AF_INET) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(40000);
    EXPECT_EQ(::inet_pton(family, host, &in.sin_addr), 1);
    std::memcpy(&storage, &in, sizeof in);
  } else {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(40000);
    EXPECT_EQ(::inet_pton(family, host, &in6.sin6_addr), 1);
    std::memcpy(&storage, &in6, sizeof in6);
  }
  return network_of(storage);
}

TEST(Address, TheNetworkOfAPeer) {
  EXPECT_EQ(network(AF_INET, "192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(network(AF_INET6, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(network(AF_INET6, "2001:db8:1:2:ffff::1"), "2001:db8:1:2::/64");
  EXPECT_EQ(network(AF_INET6, "::ffff:192.0.2.7"), "192.0.2.7") << "IPv4 to a socket of IPv6";
  EXPECT_EQ(network(AF_INET6, "::1"), "::/64");
}

}  // namespace
}  // namespace takt::rpc
