// SPDX-License-Identifier: Apache-2.0
#include "sd/slices.h"

#include <gtest/gtest.h>

namespace takt::sd {
namespace {

constexpr uid_t kAlice = 1000;
constexpr uid_t kBob = 1001;

TEST(SlicesTest, EachUserHasSlicesOfTheirOwn) {
  SliceAllocator slices;
  EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-00.slice");
  EXPECT_EQ(slices.acquire(kBob), "takt-jobs-u1001-00.slice");
  EXPECT_EQ(slices.acquire(4294967294), "takt-jobs-u4294967294-00.slice");
  EXPECT_EQ(user_slice(kAlice), "takt-jobs-u1000.slice");
}

TEST(SlicesTest, FillsTheFirstThenTheNext) {
  SliceAllocator slices;
  for (std::size_t i = 0; i < limits::kScopesPerSlice; ++i)
    EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-00.slice");
  EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-01.slice");
  EXPECT_EQ(slices.acquire(kBob), "takt-jobs-u1001-00.slice");
  EXPECT_EQ(slices.release("takt-jobs-u1000-00.slice"), kAlice);
  EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-00.slice");
  EXPECT_EQ(slices.live(), limits::kScopesPerSlice + 2);
}

TEST(SlicesTest, TakesTheEmptiestWhenAllAreFull) {
  SliceAllocator slices;
  for (std::size_t i = 0; i < limits::kScopesPerSlice * limits::kSlicesPerUser; ++i)
    slices.acquire(kAlice);
  EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-00.slice");
  EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-01.slice");
  for (std::size_t i = 2; i < limits::kSlicesPerUser; ++i) slices.acquire(kAlice);
  EXPECT_EQ(slices.release("takt-jobs-u1000-17.slice"), kAlice);
  EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-17.slice");
}

TEST(SlicesTest, CountsScopesFoundAtStart) {
  SliceAllocator slices;
  for (std::size_t i = 0; i < limits::kScopesPerSlice; ++i)
    EXPECT_EQ(slices.adopt("takt-jobs-u1000-00.slice"), kAlice);
  EXPECT_EQ(slices.adopt("takt-jobs-u1000-31.slice"), kAlice);
  EXPECT_EQ(slices.acquire(kAlice), "takt-jobs-u1000-01.slice");
}

TEST(SlicesTest, KnowsItsOwnNamesOnly) {
  SliceAllocator slices;
  for (const char* name :
       {"takt-jobs-u1000-32.slice", "takt-jobs-u1000-1.slice", "takt-jobs-u-00.slice",
        "takt-jobs-u1000-+1.slice", "takt-jobs-u1000-001.slice", "takt-jobs-u01000-00.slice",
        "takt-jobs-u-1-00.slice", "takt-jobs-u4294967296-00.slice", "takt-jobs-u1000.slice",
        "takt-jobs-00.slice", "takt-jobs-u.slice", "takt-jobs.slice", "takt-jobs-u1000-00.scope",
        "system.slice", ""}) {
    EXPECT_FALSE(slices.adopt(name)) << name;
    EXPECT_FALSE(slices.release(name)) << name;
  }
  EXPECT_FALSE(slices.release("takt-jobs-u1000-00.slice"));
  EXPECT_EQ(slices.live(), 0U);
}

TEST(SlicesTest, TellsTheUserOfASliceByItsName) {
  EXPECT_EQ(user_of_slice(user_slice(kAlice)), kAlice);
  EXPECT_EQ(user_of_slice("takt-jobs-u0.slice"), 0U);
  for (const char* name : {"takt-jobs-u1000-00.slice", "takt-jobs-u.slice", "takt-jobs-uslice",
                           "takt-jobs-u007.slice", "takt-jobs-00.slice", "takt-jobs-ux.slice", ""})
    EXPECT_FALSE(user_of_slice(name)) << name;
}

}  // namespace
}  // namespace takt::sd
