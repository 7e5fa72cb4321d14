// SPDX-License-Identifier: Apache-2.0
// Who connects is who the kernel says: real processes of other users on a real socket.
#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "base/fs.h"
#include "base/limits.h"
#include "fixture.h"
#include "rpc/status.h"
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
    UniqueFd connection = connect_as(socket_path(), uid, gid, std::move(groups));
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

// Identities without a role share a nameless one once there are many, so that they cannot fill
// the table: a member is still served.
TEST(Identities, StrangersCannotCrowdOutMembers) {
  Generation generation(grpc::InsecureServerCredentials(),
                        [](const Caller&) { return std::vector<std::unique_ptr<grpc::Service>>(); },
                        {});
  const auto offer = [&generation](Role role, uid_t uid) {
    int pair[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    const UniqueFd client(pair[1]);
    UniqueFd connection(pair[0]);
    Caller caller;
    caller.local = true;
    caller.role = role;
    caller.uid = uid;
    caller.gid = 64600;
    return generation.offer(caller, connection, -1);
  };
  for (uid_t uid = 70000; uid < 70000 + limits::kIdentitiesMax; ++uid)
    ASSERT_EQ(offer(Role::kNone, uid), Generation::Outcome::kTaken);
  EXPECT_EQ(generation.identities(), limits::kIdentitiesMax / 2 + 1);
  for (uid_t uid = 80000; generation.identities() < limits::kIdentitiesMax; ++uid)
    ASSERT_EQ(offer(Role::kUser, uid), Generation::Outcome::kTaken);
  EXPECT_EQ(offer(Role::kUser, 99999), Generation::Outcome::kFull);
  EXPECT_EQ(offer(Role::kUser, 80000), Generation::Outcome::kTaken) << "a known one still is";
  generation.retire();
  EXPECT_EQ(offer(Role::kUser, 80000), Generation::Outcome::kRetired);
  generation.shutdown(milliseconds(0));
}

}  // namespace
}  // namespace takt::rpc
