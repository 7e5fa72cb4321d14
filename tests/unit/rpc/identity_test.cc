// SPDX-License-Identifier: Apache-2.0
// Who connects is who the kernel says: real processes of other users on a real socket.
#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "base/fs.h"
#include "base/limits.h"
#include "fixture.h"
#include "rpc/status.h"
#include "support/connect_as.h"
#include "support/eventually.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

constexpr gid_t kTaktGid = 64500;
constexpr gid_t kAdminGid = 64501;

// As root the child becomes any user; otherwise it stays us, and the policy says who that is.
uid_t stranger() { return ::geteuid() == 0 ? 65534 : ::geteuid(); }
gid_t strangers_gid() { return ::geteuid() == 0 ? 65534 : ::getegid(); }

class IdentityTest : public RpcTest {
 protected:
  // Answers of an Echo call over a connection made as that user.
  grpc::Status call_as(uid_t uid, gid_t gid, std::vector<gid_t> groups, EchoResponse* response) {
    UniqueFd connection = test::connect_as(socket_path(), uid, gid, std::move(groups));
    EXPECT_TRUE(set_nonblocking(connection.get(), true).ok());
    const auto stub =
        EchoService::NewStub(grpc::CreateInsecureChannelFromFd("peer", connection.release()));
    return echo(*stub, response);
  }
};

TEST_F(IdentityTest, AStrangerIsToldWhichGroupIsMissing) {
  start(AccessPolicy());  // nobody but root has a role
  EchoResponse response;
  const grpc::Status status = call_as(stranger(), strangers_gid(), {}, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << status.error_message();
  const std::string name = user_name_of(stranger());
  EXPECT_THAT(status.error_message(),
              HasSubstr("is not in group takt: sudo usermod -aG takt " +
                        (name.empty() ? "$USER" : name) + ", then log in again"));
  EXPECT_EQ(from_status(status).code, ErrorCode::kPermissionDenied);
}

TEST_F(IdentityTest, ByUid) {
  AccessPolicy policy;
  policy.own_uid = stranger();
  start(policy);
  EchoResponse response;
  ASSERT_TRUE(call_as(stranger(), strangers_gid(), {}, &response).ok());
  EXPECT_EQ(response.role(), "operator");
}

// A package that is installed later makes the user; nobody restarts the daemon for it.
TEST_F(IdentityTest, AUserThatIsMadeLaterHasItsRole) {
  std::atomic<int> asked = 0;
  resolve_policy_ = [&asked]() -> Result<AccessPolicy> {
    AccessPolicy policy;
    policy.complete = ++asked > 1;
    if (policy.complete) policy.own_uid = stranger();
    return policy;
  };
  AccessPolicy policy;
  policy.complete = false;
  start(policy);
  EchoResponse response;
  EXPECT_EQ(call_as(stranger(), strangers_gid(), {}, &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(
      test::eventually([&] { return call_as(stranger(), strangers_gid(), {}, &response).ok(); }));
  EXPECT_EQ(response.role(), "operator");
  ASSERT_TRUE(call_as(stranger(), strangers_gid(), {}, &response).ok());
  EXPECT_EQ(asked, 2) << "and no more once all is known";
}

TEST_F(IdentityTest, BySupplementaryGroup) {
  AccessPolicy policy;
  policy.user_gid = kTaktGid;
  policy.operator_gid = kAdminGid;
  std::vector<gid_t> many;
  if (::geteuid() == 0) {
    for (gid_t gid = 70000; gid < 70100; ++gid) many.push_back(gid);  // past the first buffer
    many.push_back(kTaktGid);
  } else {
    policy.user_gid = ::getegid();
  }
  start(policy);
  EchoResponse response;
  const grpc::Status status = call_as(stranger(), strangers_gid(), many, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.role(), "user");
  EXPECT_EQ(server_->identities(), 1U);
  if (::geteuid() != 0) return;
  // The same user with another role is another identity.
  ASSERT_TRUE(call_as(stranger(), strangers_gid(), {kAdminGid}, &response).ok());
  EXPECT_EQ(response.role(), "operator");
  ASSERT_TRUE(call_as(stranger(), strangers_gid(), {kAdminGid}, &response).ok());
  EXPECT_EQ(server_->identities(), 2U);
}

TEST_F(IdentityTest, SeveralUsersAtOnceKeepTheirNames) {
  AccessPolicy policy = everybody();
  policy.user_gid = kTaktGid;
  start(policy);
  const auto own = stub();
  EchoResponse mine;
  ASSERT_TRUE(echo(*own, &mine).ok());
  EXPECT_EQ(mine.caller(), user_name_of(::geteuid()).empty() ? "uid " + std::to_string(::geteuid())
                                                             : user_name_of(::geteuid()));
  if (::geteuid() == 0) {
    for (uid_t uid = 64600; uid < 64610; ++uid) {
      EchoResponse response;
      ASSERT_TRUE(call_as(uid, 64600, {kTaktGid}, &response).ok());
      EXPECT_EQ(response.caller(), "uid " + std::to_string(uid));
      EXPECT_EQ(response.role(), "user");
    }
    EXPECT_EQ(server_->identities(), 11U);
  }
  ASSERT_TRUE(echo(*own, &mine).ok());
  EXPECT_EQ(mine.role(), "operator");
}

TEST_F(IdentityTest, PlainTextTcpIsAnUnidentifiedOperator) {
  BindOptions insecure;
  insecure.tcp = Tcp::kPlainText;
  auto socket = bind_address("127.0.0.1:0", insecure);
  ASSERT_TRUE(socket.ok()) << socket.error().message;
  const std::string where = socket->display;
  std::vector<ListenSocket> sockets;
  sockets.push_back(std::move(*socket));
  start_on(std::move(sockets), AccessPolicy());
  EchoResponse response;
  const grpc::Status status = echo(*stub(where), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.caller(), "an unidentified TCP client");
  EXPECT_EQ(response.role(), "operator");
}

class Identities : public testing::Test {
 protected:
  ~Identities() override { generation_.shutdown(milliseconds(0)); }
  // Offers a connection of that uid; `client` is its other end.
  Generation::Outcome offer(Role role, uid_t uid, UniqueFd& client) {
    int pair[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    client = UniqueFd(pair[1]);
    offered_ = Generation::Offer();
    offered_.connection = UniqueFd(pair[0]);
    offered_.caller.via = Via::kUnixSocket;
    offered_.caller.role = role;
    offered_.caller.uid = uid;
    offered_.caller.gid = 64600;
    auto share = admit_connection(shares_, holder_of(offered_.caller), false);
    EXPECT_TRUE(share.has_value());
    if (share) offered_.share = std::move(*share);
    return generation_.offer(offered_);
  }

  Shares shares_;
  Generation::Offer offered_;
  Generation generation_{
      grpc::InsecureServerCredentials(),
      [](const Caller&) { return std::vector<std::unique_ptr<grpc::Service>>(); },
      {}};
};

// One member with subuids has thousands of them.
TEST_F(Identities, ThoseWithoutAConnectionAreForgotten) {
  for (const Role role : {Role::kNone, Role::kUser}) {
    for (uid_t uid = 70000; uid < 70000 + 3 * limits::kIdleIdentitiesMax; ++uid) {
      UniqueFd client;
      ASSERT_EQ(offer(role, uid, client), Generation::Outcome::kTaken) << uid;
      ASSERT_FALSE(offered_.share.refusal) << offered_.share.refusal->message;
      EXPECT_LE(generation_.identities(), limits::kIdleIdentitiesMax + 1);
    }
  }
  UniqueFd client;
  EXPECT_EQ(offer(Role::kUser, 99999, client), Generation::Outcome::kTaken);
  EXPECT_FALSE(offered_.share.refusal);
  generation_.retire();
  EXPECT_EQ(offer(Role::kUser, 99999, client), Generation::Outcome::kRetired);
}

TEST_F(Identities, OneWithAConnectionStays) {
  UniqueFd member;
  ASSERT_EQ(offer(Role::kOperator, 0, member), Generation::Outcome::kTaken);
  const Generation::Offer held = std::move(offered_);
  for (uid_t uid = 70000; uid < 70000 + 3 * limits::kIdleIdentitiesMax; ++uid) {
    UniqueFd client;
    ASSERT_EQ(offer(Role::kUser, uid, client), Generation::Outcome::kTaken);
  }
  char byte = 0;
  pollfd polled{member.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&polled, 1, 10000), 1) << "its SETTINGS";
  EXPECT_EQ(::recv(member.get(), &byte, 1, 0), 1) << "served, not closed";
}

TEST_F(Identities, UsersWithoutANameShareOneAccount) {
  std::vector<UniqueFd> clients(limits::kConnectionsOfAccount);
  std::vector<std::shared_ptr<const void>> held;
  uid_t uid = 70000;
  for (UniqueFd& client : clients) {
    ASSERT_EQ(offer(Role::kUser, uid++, client), Generation::Outcome::kTaken);
    ASSERT_FALSE(offered_.share.refusal) << offered_.share.refusal->message;
    held.push_back(std::move(offered_.held));
  }
  UniqueFd client;
  ASSERT_EQ(offer(Role::kUser, uid, client), Generation::Outcome::kTaken);
  ASSERT_TRUE(offered_.share.refusal) << "taken only to be refused";
  ASSERT_EQ(offer(Role::kOperator, uid, client), Generation::Outcome::kTaken);
  EXPECT_FALSE(offered_.share.refusal);
  held.pop_back();
  ASSERT_EQ(offer(Role::kUser, uid, client), Generation::Outcome::kTaken);
  EXPECT_FALSE(offered_.share.refusal);
}

TEST_F(IdentityTest, AConnectionBeyondTheShareIsRefusedWithTheReason) {
  if (::geteuid() != 0) return;  // needs other users
  ShareLimits limits;
  limits[Share::kConnections] = {2, 8};
  shares_->set_limits(limits);
  AccessPolicy policy = everybody();
  policy.user_gid = kTaktGid;
  start(policy);
  const auto connect = [this](uid_t uid) {
    UniqueFd connection = test::connect_as(socket_path(), uid, 64600, {kTaktGid});
    EXPECT_TRUE(set_nonblocking(connection.get(), true).ok());
    return EchoService::NewStub(grpc::CreateInsecureChannelFromFd("peer", connection.release()));
  };
  EchoResponse response;
  auto first = connect(64600);
  const auto second = connect(64600);
  EXPECT_TRUE(echo(*first, &response).ok());
  EXPECT_TRUE(echo(*second, &response).ok());
  const grpc::Status refused = echo(*connect(64600), &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << refused.error_message();
  EXPECT_THAT(refused.error_message(), HasSubstr("has 2 of the 2 connections that one account may "
                                                 "have (connections_of_account_max in [limits])"));
  EXPECT_TRUE(echo(*stub(), &response).ok()) << "root is served";
  EXPECT_TRUE(echo(*second, &response).ok());
  first.reset();
  EXPECT_TRUE(test::eventually([&] { return echo(*connect(64600), &response).ok(); }))
      << "a closed connection makes room";
}

}  // namespace
}  // namespace takt::rpc
