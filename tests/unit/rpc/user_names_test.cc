// SPDX-License-Identifier: Apache-2.0
// A user is known by the name that the user database has now: after a rename, when a uid is used
// again, and while the database fails.
#include "rpc/user_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>

#include "rpc/authorize.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kUid = 1000;
constexpr nanoseconds kLong = std::chrono::hours(1);
constexpr nanoseconds kNone{0};  // look up again for each call

using Name = std::optional<std::string>;

// A user database that the test changes.
struct Database {
  std::mutex mutex;
  std::map<uid_t, std::string> users;
  std::optional<Error> broken;
  int asked = 0;

  UserNames::Lookup lookup() {
    return [this](uid_t uid) -> Result<Name> {
      const std::lock_guard lock(mutex);
      ++asked;
      if (broken) return *broken;
      const auto found = users.find(uid);
      return found == users.end() ? Name() : Name(found->second);
    };
  }
};

Caller user(Role role = Role::kUser) {
  Caller caller;
  caller.role = role;
  caller.via = Via::kUnixSocket;
  caller.uid = kUid;
  return caller;
}

TEST(UserNames, ANameIsUsedForItsAgeAndThenLookedUpAgain) {
  Database database;
  database.users[kUid] = "alice";
  UserNames kept(database.lookup(), kLong, kLong);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(kept.name_of(kUid).value(), Name("alice"));
  EXPECT_EQ(database.asked, 1);
  EXPECT_LE(UserNames::kAge, std::chrono::seconds(5));

  UserNames fresh(database.lookup(), kNone, kLong);
  EXPECT_EQ(fresh.name_of(kUid).value(), Name("alice"));
  database.users[kUid] = "anna";
  EXPECT_EQ(fresh.name_of(kUid).value(), Name("anna"));
  database.users.erase(kUid);
  EXPECT_EQ(fresh.name_of(kUid).value(), Name());
  database.users[kUid] = "bob";
  EXPECT_EQ(fresh.name_of(kUid).value(), Name("bob"));
}

// Kept, so that one who is looked up in vain does not hold up the others again and again.
TEST(UserNames, AnErrorIsNotAMissingUserAndIsKeptForTheAgeOfAName) {
  Database database;
  database.users[kUid] = "alice";
  database.broken = system_error("look up uid 1000", EIO);
  UserNames kept(database.lookup(), kLong, kLong);
  UserNames fresh(database.lookup(), kNone, kLong);
  for (UserNames* names : {&kept, &kept, &fresh, &fresh}) {
    const auto failed = names->name_of(kUid);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(failed.error().message, HasSubstr("look up uid 1000"));
  }
  EXPECT_EQ(database.asked, 3);
  database.broken.reset();
  EXPECT_EQ(fresh.name_of(kUid).value(), Name("alice"));
}

TEST(UserNames, ALookUpThatHangsHoldsUpNoOther) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> ended = 0;
  const auto lookup = [released, &ended](uid_t uid) -> Result<Name> {
    if (uid == kUid) {
      released.wait();
      ++ended;
    }
    return Name("name");
  };
  UserNames names(lookup, kLong, kNone);
  for (int i = 0; i < 3; ++i) {
    const auto hung = names.name_of(kUid);
    ASSERT_FALSE(hung.ok()) << "the first one waits for nothing, the others find it hanging";
    EXPECT_EQ(hung.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(hung.error().message, HasSubstr("does not answer"));
  }
  UserNames patient(lookup, kLong, kLong);
  EXPECT_EQ(patient.name_of(kUid + 1).value(), Name("name"));
  release.set_value();
  EXPECT_EQ(patient.name_of(kUid).value(), Name("name"));
  while (ended < 2) std::this_thread::yield();
}

TEST(UserNames, ThoseThatHangAreBounded) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> ended = 0;
  UserNames names(
      [released, &ended](uid_t) -> Result<Name> {
        released.wait();
        ++ended;
        return Name("name");
      },
      kLong, kNone);
  int hung = 0;
  for (uid_t uid = 1; uid <= 100; ++uid) {
    const auto refused = names.name_of(uid);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    if (refused.error().message.find("does not answer") != std::string::npos) {
      ++hung;
    } else {
      EXPECT_THAT(refused.error().message, HasSubstr("too many look-ups"));
    }
  }
  EXPECT_EQ(hung, 16);
  release.set_value();
  while (ended < hung) std::this_thread::yield();
}

TEST(Guard, EachCallHasTheNameOfNow) {
  Database database;
  database.users[kUid] = "alice";
  UserNames names(database.lookup(), kNone, kLong);
  const Guard guard(user(), nullptr, names);
  const grpc::CallbackServerContext context;
  EXPECT_EQ(guard.admit_stream(context, Action::kSubmitJob)->user_name, "alice");
  database.users[kUid] = "anna";
  EXPECT_EQ(guard.admit_stream(context, Action::kSubmitJob)->user_name, "anna");
  database.users.erase(kUid);
  EXPECT_EQ(guard.admit_stream(context, Action::kSubmitJob)->user_name, "");
  EXPECT_EQ(guard.admit_stream(context, Action::kSubmitJob)->describe(), "uid 1000");
}

TEST(Guard, WithoutTheUserDatabasePeopleWaitAndDaemonsWork) {
  Database database;
  database.broken = system_error("look up uid 1000", EIO);
  UserNames names(database.lookup(), kNone, kLong);
  const grpc::CallbackServerContext context;
  for (const Role role : {Role::kUser, Role::kOperator}) {
    const auto refused =
        Guard(user(role), nullptr, names).admit_stream(context, Action::kSubmitJob);
    ASSERT_FALSE(refused.ok()) << role_name(role);
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  }
  EXPECT_TRUE(Guard(user(Role::kScheduler), nullptr, names)
                  .admit_stream(context, Action::kWorkerSession)
                  .ok());
  EXPECT_TRUE(Guard(user(Role::kWorker), nullptr, names)
                  .admit_stream(context, Action::kRegisterWorker)
                  .ok());
  EXPECT_EQ(Guard(user(Role::kNone), nullptr, names)
                .admit_stream(context, Action::kSubmitJob)
                .error()
                .code,
            ErrorCode::kPermissionDenied);
  Caller root = user(Role::kOperator);
  root.uid = 0;
  root.every_role = true;
  EXPECT_EQ(Guard(root, nullptr, names).admit_stream(context, Action::kSubmitJob)->user_name,
            "root");
  // A program of ours within the process, and callers that no kernel vouches for.
  Caller inside = user(Role::kScheduler);
  inside.uid = kNoUid;
  inside.user_name = "jobscheduler";
  EXPECT_EQ(Guard(inside, nullptr, names).admit_stream(context, Action::kWorkerStartJob)->user_name,
            "jobscheduler");
  EXPECT_TRUE(
      Guard(insecure_tcp_caller(), nullptr, names).admit_stream(context, Action::kSubmitJob).ok());
}

}  // namespace
}  // namespace takt::rpc
