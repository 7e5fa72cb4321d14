// SPDX-License-Identifier: Apache-2.0
#include "rpc/caller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/unique_fd.h"

namespace takt::rpc {
namespace {

AccessPolicy policy() {
  AccessPolicy policy;
  policy.user_gid = 500;
  policy.operator_gid = 501;
  policy.scheduler_uid = 600;
  policy.worker_uid = 601;
  policy.own_uid = 602;
  return policy;
}

PeerCredentials peer(uid_t uid, gid_t gid, std::vector<gid_t> groups = {}) {
  return {uid, gid, std::move(groups)};
}

TEST(Identify, ByNumbers) {
  EXPECT_EQ(identify(peer(1000, 1000), policy()).role, Role::kNone);
  EXPECT_EQ(identify(peer(1000, 500), policy()).role, Role::kUser);
  EXPECT_EQ(identify(peer(1000, 1000, {7, 500}), policy()).role, Role::kUser);
  EXPECT_EQ(identify(peer(1000, 1000, {500, 501}), policy()).role, Role::kOperator);
  EXPECT_EQ(identify(peer(600, 1000), policy()).role, Role::kScheduler);
  EXPECT_EQ(identify(peer(601, 1000), policy()).role, Role::kWorker);
  EXPECT_FALSE(identify(peer(1000, 501), policy()).every_role);
}

TEST(Identify, RootAndTheDaemonItselfMayAll) {
  for (const uid_t uid : {0U, 602U}) {
    const Caller caller = identify(peer(uid, 0), policy());
    EXPECT_EQ(caller.role, Role::kOperator);
    EXPECT_TRUE(caller.every_role);
    EXPECT_TRUE(caller.is_local());
    EXPECT_EQ(caller.uid, uid);
  }
}

TEST(Identify, AMissingGroupGivesNobodyARole) {
  // No such group must not mean "group 0" or "any".
  EXPECT_EQ(identify(peer(1000, 0, {0, kNoGid}), AccessPolicy()).role, Role::kNone);
  EXPECT_EQ(identify(peer(kNoUid, kNoGid), AccessPolicy()).role, Role::kNone);
}

TEST(Caller, Describe) {
  Caller caller = identify(peer(1000, 1000), policy());
  EXPECT_EQ(caller.describe(), "uid 1000");
  caller.user_name = "alice";
  EXPECT_EQ(caller.describe(), "alice");
  EXPECT_EQ(insecure_tcp_caller().describe(), "an unidentified TCP client");
  EXPECT_FALSE(insecure_tcp_caller().is_local());
  EXPECT_EQ(insecure_tcp_caller().uid, kNoUid);
}

TEST(PeerCredentials, OfASocketPair) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  const UniqueFd one(pair[0]);
  const UniqueFd other(pair[1]);
  const auto credentials = peer_credentials(one.get());
  ASSERT_TRUE(credentials.ok()) << credentials.error().message;
  EXPECT_EQ(credentials->uid, ::geteuid());
  EXPECT_EQ(credentials->gid, ::getegid());
  std::vector<gid_t> own(static_cast<std::size_t>(::getgroups(0, nullptr)));
  ASSERT_GE(::getgroups(static_cast<int>(own.size()), own.data()), 0);
  std::sort(own.begin(), own.end());
  std::vector<gid_t> seen = credentials->groups;
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, own);
  EXPECT_FALSE(peer_credentials(-1).ok());
}

TEST(Lookup, NamesToNumbersAndBack) {
  const auto root = find_user("root");
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(*root, std::optional<uid_t>(0));
  const auto group = find_group("root");
  ASSERT_TRUE(group.ok());
  EXPECT_EQ(*group, std::optional<gid_t>(0));
  const auto missing = find_group("no-such-group-of-takt");
  ASSERT_TRUE(missing.ok()) << missing.error().message;
  EXPECT_FALSE(missing->has_value());
  EXPECT_EQ(user_name_of(0), "root");
  EXPECT_EQ(user_name_of(kNoUid), "");
  EXPECT_EQ(find_user_name(0).value(), std::optional<std::string>("root"));
  EXPECT_EQ(find_user_name(kNoUid).value(), std::nullopt);
  EXPECT_EQ(find_user_name(4'000'000'001).value(), std::nullopt);
}

TEST(Lookup, PolicyOfNames) {
  AccessNames names;
  names.user_group = "root";
  names.operator_group = "no-such-group-of-takt";
  names.scheduler_user = "root";
  names.worker_user = "no-such-user-of-takt";
  const auto policy = resolve_policy(names);
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->user_gid, std::optional<gid_t>(0));
  EXPECT_FALSE(policy->operator_gid.has_value());
  EXPECT_EQ(policy->scheduler_uid, std::optional<uid_t>(0));
  EXPECT_FALSE(policy->worker_uid.has_value());
  EXPECT_EQ(policy->own_uid, std::optional<uid_t>(::geteuid()));
  EXPECT_FALSE(policy->complete);
  names.operator_group = "root";
  names.worker_user = "";
  EXPECT_TRUE(resolve_policy(names)->complete) << "an empty name is nobody";
}

}  // namespace
}  // namespace takt::rpc
