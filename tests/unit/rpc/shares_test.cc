// SPDX-License-Identifier: Apache-2.0
#include "rpc/shares.h"

#include <gmock/gmock.h>

#include <vector>

#include "support/eventually.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

const ShareHolder kAlice{"alice", false};
const ShareHolder kBob{"bob", false};
const ShareHolder kCarol{"carol", false};
const ShareHolder kRoot{"root", true};

class SharesTest : public testing::Test {
 protected:
  SharesTest() {
    limits_[Share::kReaders] = {3, 8};
    shares_.set_limits(limits_);
  }
  // The refusal's message; empty if it was taken.
  std::string take(const ShareHolder& holder, Share share = Share::kReaders) {
    auto taken = shares_.take(share, holder);
    if (!taken) {
      EXPECT_EQ(taken.error().code, ErrorCode::kResourceExhausted);
      return taken.error().message;
    }
    leases_.push_back(std::move(*taken));
    return "";
  }
  // Of the readers.
  ShareUse use_of(const ShareHolder& holder) {
    for (const ShareUse& use : shares_.uses(holder))
      if (use.share == Share::kReaders) return use;
    return {};
  }

  ShareLimits limits_;
  Shares shares_;
  std::vector<ShareLease> leases_;
};

TEST_F(SharesTest, AnAccountTakesItsShareAndNoMore) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(kAlice), "");
  EXPECT_EQ(take(kAlice),
            "alice has 3 of the 3 readers of output that one account may have "
            "(readers_of_account_max in [limits]): end some takt logs --follow or takt run, then "
            "try again");
  EXPECT_EQ(take(kBob), "");
  EXPECT_EQ(take(kAlice, Share::kWatchers), "") << "each share is counted by itself";
  EXPECT_EQ(shares_.used(Share::kReaders, "alice"), 3U);
  leases_.erase(leases_.begin());
  EXPECT_EQ(shares_.used(Share::kReaders, "alice"), 2U);
  EXPECT_EQ(take(kAlice), "");
}

TEST_F(SharesTest, WhatAnAccountHoldsIsShown) {
  EXPECT_EQ(take(kAlice), "");
  EXPECT_EQ(take(kAlice), "");
  EXPECT_EQ(take(kRoot), "");
  EXPECT_EQ(shares_.uses(kAlice).size(), kShares - 1) << "not refusals and TLS, but what began";
  const ShareUse readers = use_of(kAlice);
  EXPECT_STREQ(readers.what, "readers of output");
  EXPECT_STREQ(readers.key, "readers_of_account_max");
  EXPECT_EQ(readers.used, 2U);
  EXPECT_EQ(readers.limit, 3U);
  EXPECT_EQ(readers.all_used, 3U);
  EXPECT_EQ(readers.all_limit, 8U);
  EXPECT_EQ(use_of(kBob).used, 0U);
  EXPECT_EQ(use_of(kRoot).limit, std::nullopt);
}

TEST_F(SharesTest, BytesOfCallsAreCountedUntilTheyAreOver) {
  limits_[Share::kBytes] = {100, 1000};
  const auto shares = std::make_shared<Shares>(limits_);
  auto call = admit_call(shares, kAlice, 60);
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(admit_call(shares, kAlice, 60).error().message,
            "alice has 60 of the 100 bytes in flight that one account may have: wait until "
            "requests are answered, and read the answers, then try again");
  EXPECT_EQ(shares->used(Share::kRequests, "alice"), 1U) << "a refused call holds nothing";
  EXPECT_TRUE(admit_call(shares, kBob, 60).ok());
  EXPECT_TRUE(call->take_answer(40).ok());
  EXPECT_EQ(call->take_answer(41).error().code, ErrorCode::kResourceExhausted);
  call->lease.reset();
  EXPECT_EQ(shares->used(Share::kBytes, "alice"), 0U);
}

TEST_F(SharesTest, ARefusalSaysWhereToLook) {
  Shares shares(limits_, " (takt limits shows it)");
  std::vector<ShareLease> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(shares.take(Share::kReaders, kAlice).value());
  EXPECT_THAT(shares.take(Share::kReaders, kAlice).error().message,
              HasSubstr("then try again (takt limits shows it)"));
}

TEST_F(SharesTest, TheLastQuarterIsForOperators) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(take(kAlice), "");
    EXPECT_EQ(take(kBob), "");
  }
  EXPECT_EQ(take(kCarol),
            "the 6 readers of output that are not reserved for operators are taken, 0 of them by "
            "carol: try again when some have ended");
  EXPECT_EQ(take(kRoot), "");
  EXPECT_EQ(take(kRoot), "");
  EXPECT_THAT(take(kRoot), HasSubstr("all 8 readers of output are taken, 2 of them by root"));
}

TEST_F(SharesTest, OperatorsHaveNoShareOfTheirOwn) {
  for (int i = 0; i < 8; ++i) EXPECT_EQ(take(kRoot), "");
  EXPECT_NE(take(kRoot), "");
  EXPECT_NE(take(kAlice), "");
  leases_.clear();
  EXPECT_EQ(take(kAlice), "");
}

TEST_F(SharesTest, TheLastCopyGivesBack) {
  auto lease = shares_.take(Share::kReaders, kAlice);
  ASSERT_TRUE(lease.ok());
  ShareLease copy = *lease;
  lease->reset();
  EXPECT_EQ(shares_.used(Share::kReaders, "alice"), 1U);
  copy.reset();
  EXPECT_EQ(shares_.used(Share::kReaders, "alice"), 0U);
}

TEST_F(SharesTest, ALeaseMayOutliveTheShares) {
  ShareLease lease;
  {
    Shares shares;
    lease = shares.take(Share::kRequests, kAlice).value();
  }
  lease.reset();
}

TEST_F(SharesTest, ALowerLimitHoldsForWhatComes) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(kAlice), "");
  limits_[Share::kReaders].of_account = 2;
  shares_.set_limits(limits_);
  leases_.pop_back();
  EXPECT_NE(take(kAlice), "");
  leases_.pop_back();
  EXPECT_EQ(take(kAlice), "");
}

TEST_F(SharesTest, AConnectionBeyondTheShareIsTakenOnlyToBeRefused) {
  limits_[Share::kConnections] = {1, 8};
  limits_[Share::kRefusals] = {1, 8};
  shares_.set_limits(limits_);
  const auto first = admit_connection(shares_, kAlice, false);
  ASSERT_TRUE(first && !first->refusal);
  const auto second = admit_connection(shares_, kAlice, false);
  ASSERT_TRUE(second && second->refusal);
  EXPECT_THAT(second->refusal->message, HasSubstr("alice has 1 of the 1 connections"));
  EXPECT_FALSE(admit_connection(shares_, kAlice, false).has_value());
  EXPECT_TRUE(admit_connection(shares_, kBob, false).has_value());
}

TEST_F(SharesTest, RequestsOfASecondAreCounted) {
  limits_.requests_per_second = 1'000;
  shares_.set_limits(limits_);
  // Some second has more than a thousand of these.
  const auto flood = [&](const ShareHolder& holder) {
    for (int i = 0; i < 1'000'000; ++i)
      if (auto counted = shares_.count_request(holder); !counted) return counted.error().message;
    return std::string();
  };
  EXPECT_THAT(flood(kAlice), HasSubstr("alice has made the 1000 requests"));
  EXPECT_TRUE(shares_.count_request(kBob).ok());
  EXPECT_TRUE(shares_.count_request(kRoot).ok());
  EXPECT_TRUE(test::eventually([&] { return shares_.count_request(kAlice).ok(); }))
      << "the next second";
  limits_.requests_per_second = 1;
  shares_.set_limits(limits_);
  EXPECT_EQ(flood(kRoot), "");
  EXPECT_THAT(flood(kBob), HasSubstr("requests_per_second_of_account_max"));
}

TEST_F(SharesTest, ConnectionsOverTlsLeaveSomeToLocalUsers) {
  limits_[Share::kConnections] = {8, 16};
  limits_[Share::kTlsConnections] = {16, 8};  // six of them for users
  shares_.set_limits(limits_);
  std::vector<ConnectionShare> taken;
  for (int host = 0; host < 6; ++host)
    taken.push_back(*admit_connection(shares_, {"address " + std::to_string(host), false}, true));
  for (const ConnectionShare& share : taken) EXPECT_FALSE(share.refusal);
  const auto refused = admit_connection(shares_, {"address 6", false}, true);
  ASSERT_TRUE(refused && refused->refusal);
  EXPECT_THAT(refused->refusal->message, HasSubstr("6 connections over TLS"));
  EXPECT_FALSE(admit_connection(shares_, kAlice, false)->refusal);
  EXPECT_EQ(shares_.used(Share::kConnections, "address 6"), 0U) << "nothing of it is kept";
  taken.pop_back();
  EXPECT_FALSE(admit_connection(shares_, {"address 6", false}, true)->refusal);
}

TEST(ShareHolderTest, WhoIsCounted) {
  Caller caller;
  caller.via = Via::kUnixSocket;
  caller.uid = 70000;
  EXPECT_EQ(holder_of(caller).account, "the account of all callers without a role");
  caller.role = Role::kUser;
  EXPECT_EQ(holder_of(caller).account, "the account of all users without a name");
  EXPECT_FALSE(holder_of(caller).privileged);
  caller.user_name = "alice";
  EXPECT_EQ(holder_of(caller).account, "alice");
  for (const Role role : {Role::kOperator, Role::kScheduler, Role::kWorker}) {
    caller.role = role;
    EXPECT_TRUE(holder_of(caller).privileged);
  }
  EXPECT_TRUE(holder_of(insecure_tcp_caller()).privileged);
  Caller other = tls_caller();
  other.role = Role::kUser;
  other.certificate = "takt://user/alice";
  EXPECT_EQ(holder_of(other).account, "takt://user/alice");
}

}  // namespace
}  // namespace takt::rpc
