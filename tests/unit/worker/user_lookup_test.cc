// SPDX-License-Identifier: Apache-2.0
// Users and groups by name, on the loop.
#include "worker/user_lookup.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "unit/sd/loop_thread.h"

namespace takt::worker {
namespace {

TEST(LookUpUser, FindsNumbersGroupsAndHome) {
  const UserIdentity root = look_up_user("root", "").value();
  EXPECT_EQ(root.name, "root");
  EXPECT_EQ(root.uid, 0U);
  EXPECT_EQ(root.gid, 0U);
  EXPECT_EQ(root.home, "/root");
  const UserIdentity nobody = look_up_user("nobody", "").value();
  EXPECT_EQ(nobody.uid, 65534U);
  EXPECT_EQ(nobody.groups, std::vector<gid_t>{nobody.gid});
}

TEST(LookUpUser, AnUnknownUserIsNotFoundByField) {
  for (const std::string& name : {std::string("no-such-user"), std::string(5000, 'x')}) {
    const auto found = look_up_user(name, "");
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
    EXPECT_EQ(found.error().field, "spec.user");
    EXPECT_NE(found.error().message.find(name), std::string::npos);
  }
}

TEST(LookUpUser, AnUnknownGroupIsNotFoundByField) {
  const auto found = look_up_user("nobody", "no-such-group");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(found.error().field, "spec.group");
  EXPECT_NE(found.error().message.find("no-such-group"), std::string::npos);
}

TEST(LookUpUser, AGroupIsForItsMembersAndRoot) {
  const auto denied = look_up_user("nobody", "daemon");
  ASSERT_FALSE(denied.ok());
  EXPECT_EQ(denied.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(denied.error().field, "spec.group");
  EXPECT_EQ(look_up_user("daemon", "daemon").value().gid, look_up_user("daemon", "").value().gid);
  const UserIdentity root = look_up_user("root", "daemon").value();
  EXPECT_EQ(root.uid, 0U);
  EXPECT_EQ(root.gid, look_up_user("daemon", "").value().gid);
}

class UserLookupTest : public testing::Test {
 protected:
  UserLookupTest() {
    loop_.run([this] { lookup_ = std::make_unique<UserLookup>(loop_.loop()); });
  }
  ~UserLookupTest() override {
    loop_.run([this] { lookup_.reset(); });
  }
  sd::LoopThread loop_;
  std::unique_ptr<UserLookup> lookup_;
};

TEST_F(UserLookupTest, AnswersEachOnTheLoopOnceWithItsOwn) {
  constexpr int kCount = 50;
  int good = 0;
  int bad = 0;
  loop_.run([&] {
    for (int i = 0; i < kCount; ++i) {
      lookup_->find(i % 2 == 0 ? "nobody" : "no-such-user", "", [&, i](auto result) {
        EXPECT_TRUE(loop_.loop().in_loop());
        EXPECT_EQ(result.ok(), i % 2 == 0);
        ++(result.ok() ? good : bad);
      });
    }
  });
  ASSERT_TRUE(loop_.wait([&] { return good + bad >= kCount; }));
  loop_.run([] {});
  EXPECT_EQ(good, kCount / 2);
  EXPECT_EQ(bad, kCount / 2);
}

TEST_F(UserLookupTest, MayGoWithLookUpsUnderWay) {
  const auto alive = std::make_shared<int>(0);
  loop_.run([&] {
    for (int i = 0; i < 50; ++i) lookup_->find("nobody", "", [alive](const auto&) { ++*alive; });
    lookup_.reset();
  });
  loop_.run([] {});
  EXPECT_LE(*alive, 50);
}

}  // namespace
}  // namespace takt::worker
