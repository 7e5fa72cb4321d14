// SPDX-License-Identifier: Apache-2.0
#include "store/read_queue.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace takt::store {
namespace {

Principal local(const std::string& name, Role role = Role::kUser) {
  Principal principal;
  principal.role = role;
  principal.via = Via::kUnixSocket;
  principal.user_name = name;
  return principal;
}

class ReadQueueTest : public testing::Test {
 protected:
  Result<void> push(const Principal& principal, const std::string& what,
                    std::function<bool()> has_gone = {}) {
    return queue_.push({principal, std::move(has_gone)}, [this, what](Connection* connection) {
      done_.push_back(what + (connection == nullptr ? " unread" : ""));
    });
  }
  // Pushes until it is refused; how many were taken.
  std::size_t flood(const Principal& principal) {
    std::size_t taken = 0;
    while (push(principal, "flood")) ++taken;
    return taken;
  }
  std::vector<std::string> drain() {
    while (!queue_.empty()) queue_.pop().task(connection());
    return std::exchange(done_, {});
  }
  // Never used: the tasks only look whether there is one.
  static Connection* connection() { return static_cast<Connection*>(static_cast<void*>(&place_)); }

  ReadQueue queue_;
  std::vector<std::string> done_;
  static inline char place_ = 0;
};

TEST_F(ReadQueueTest, AccountsTakeTurnsAndEachKeepsItsOrder) {
  for (const char* what : {"alice 1", "alice 2", "alice 3"})
    ASSERT_TRUE(push(local("alice"), what).ok());
  ASSERT_TRUE(push(local("bob"), "bob 1").ok());
  ASSERT_TRUE(push(local("carol"), "carol 1").ok());
  ASSERT_TRUE(push(local("bob"), "bob 2").ok());
  ASSERT_TRUE(push(daemon_principal(), "own").ok());
  EXPECT_EQ(drain(), (std::vector<std::string>{"own", "alice 1", "bob 1", "carol 1", "alice 2",
                                               "bob 2", "alice 3"}));
}

TEST_F(ReadQueueTest, WhoFloodsItLeavesRoomForOthers) {
  const std::size_t places = limits::kReaderQueriesMax - limits::kReadsReserve;
  EXPECT_EQ(flood(local("alice")), places / 2);
  EXPECT_EQ(flood(local("bob")), places / 4);
  for (int at = 0; at < 5; ++at) EXPECT_GT(flood(local("user" + std::to_string(at))), 0U);
  EXPECT_GE(flood(local("root", Role::kOperator)), limits::kReadsReserve / 2);
  EXPECT_TRUE(push(daemon_principal(), "own").ok());
}

// One user has thousands of them by subuid(5).
TEST_F(ReadQueueTest, UsersWithoutANameAreOneAccount) {
  Principal first = local("");
  first.uid = 70000;
  Principal second = local("");
  second.uid = 70001;
  for (const Principal& nameless : {first, second, first})
    ASSERT_TRUE(push(nameless, "flood").ok());
  ASSERT_TRUE(push(local("bob"), "bob").ok());
  EXPECT_EQ(drain(), (std::vector<std::string>{"flood", "bob", "flood", "flood"}));
}

TEST_F(ReadQueueTest, ARefusalNamesLimitAndUse) {
  flood(local("alice"));
  const auto refused = push(local("alice"), "more");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(refused.error().message,
            "448 reads of alice wait, and 448 of 896 places are free; an account may have as many "
            "waiting as there are places free; try again (takt limits shows how many wait)");
}

TEST_F(ReadQueueTest, WhatNoClientWaitsForIsNotRead) {
  bool gone = false;
  ASSERT_TRUE(push(local("alice"), "cancelled", [&] { return gone; }).ok());
  ASSERT_TRUE(push(local("alice"), "wanted").ok());
  gone = true;
  EXPECT_EQ(drain(), (std::vector<std::string>{"cancelled unread", "wanted"}));
}

TEST_F(ReadQueueTest, WhatNoClientWaitsForMakesRoom) {
  bool gone = false;
  ASSERT_TRUE(push(local("alice"), "wanted").ok());
  while (push(local("alice"), "cancelled", [&] { return gone; })) {
  }
  EXPECT_TRUE(queue_.take_gone().empty());
  gone = true;
  EXPECT_EQ(queue_.take_gone().size(), (limits::kReaderQueriesMax - limits::kReadsReserve) / 2 - 1);
  EXPECT_TRUE(push(local("alice"), "next").ok());
  EXPECT_EQ(drain(), (std::vector<std::string>{"wanted", "next"}));
}

}  // namespace
}  // namespace takt::store
