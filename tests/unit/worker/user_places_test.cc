// SPDX-License-Identifier: Apache-2.0
#include "worker/user_places.h"

#include <gtest/gtest.h>

namespace takt::worker {
namespace {

TEST(UserPlacesTest, KeepsPlacesWithJobsAndTheLastIdleOnes) {
  UserPlaces places;
  const auto users = static_cast<uid_t>(limits::kIdleUserPlaces + 2);
  for (uid_t uid = 0; uid < users; ++uid) places.acquire(uid);
  places.acquire(7);
  for (uid_t uid = 0; uid < users; ++uid) {
    EXPECT_FALSE(places.evict()) << uid;
    places.release(uid);
  }
  // 7 has one job left: of the others, one more is idle than may be.
  EXPECT_EQ(places.evict(), 0U);
  EXPECT_FALSE(places.evict());
  EXPECT_FALSE(places.has(0));
  EXPECT_TRUE(places.has(1));
  EXPECT_TRUE(places.has(7));
}

TEST(UserPlacesTest, AUserWhoComesBackIsNotTheOneToGo) {
  UserPlaces places;
  for (uid_t uid = 0; uid < limits::kIdleUserPlaces; ++uid) places.found(uid);
  places.acquire(0);
  places.release(0);
  EXPECT_FALSE(places.evict());
  places.found(9999);
  EXPECT_EQ(places.evict(), 1U);
  EXPECT_TRUE(places.has(0));
}

TEST(UserPlacesTest, AReleaseTooManyChangesNothing) {
  UserPlaces places;
  places.release(5);
  EXPECT_FALSE(places.has(5));
  places.found(5);
  places.release(5);
  EXPECT_TRUE(places.has(5));
  // It has no job still, and is the one to go when its turn comes.
  places.acquire(5);
  places.release(5);
  for (uid_t uid = 100; uid < 100 + limits::kIdleUserPlaces; ++uid) places.found(uid);
  EXPECT_EQ(places.evict(), 5U);
}

}  // namespace
}  // namespace takt::worker
