// SPDX-License-Identifier: Apache-2.0
#include "sd/slices.h"

#include <gtest/gtest.h>

namespace takt::sd {
namespace {

TEST(SlicesTest, Names) {
  EXPECT_EQ(SliceAllocator::name(0), "takt-jobs-00.slice");
  EXPECT_EQ(SliceAllocator::name(31), "takt-jobs-31.slice");
}

TEST(SlicesTest, FillsTheFirstThenTheNext) {
  SliceAllocator slices;
  for (std::size_t i = 0; i < limits::kScopesPerSlice; ++i)
    EXPECT_EQ(slices.acquire(), "takt-jobs-00.slice");
  EXPECT_EQ(slices.acquire(), "takt-jobs-01.slice");
  EXPECT_TRUE(slices.release("takt-jobs-00.slice"));
  EXPECT_EQ(slices.acquire(), "takt-jobs-00.slice");
  EXPECT_EQ(slices.live(), limits::kScopesPerSlice + 1);
}

TEST(SlicesTest, TakesTheEmptiestWhenAllAreFull) {
  SliceAllocator slices;
  for (std::size_t i = 0; i < limits::kScopesPerSlice * limits::kJobSlices; ++i) slices.acquire();
  EXPECT_EQ(slices.acquire(), "takt-jobs-00.slice");
  EXPECT_EQ(slices.acquire(), "takt-jobs-01.slice");
  for (std::size_t i = 2; i < limits::kJobSlices; ++i) slices.acquire();
  EXPECT_TRUE(slices.release("takt-jobs-17.slice"));
  EXPECT_EQ(slices.acquire(), "takt-jobs-17.slice");
  EXPECT_EQ(slices.live(17), limits::kScopesPerSlice + 1);
}

TEST(SlicesTest, CountsScopesFoundAtStart) {
  SliceAllocator slices;
  for (std::size_t i = 0; i < limits::kScopesPerSlice; ++i)
    EXPECT_TRUE(slices.adopt("takt-jobs-00.slice"));
  EXPECT_TRUE(slices.adopt("takt-jobs-31.slice"));
  EXPECT_EQ(slices.live(31), 1U);
  EXPECT_EQ(slices.acquire(), "takt-jobs-01.slice");
}

TEST(SlicesTest, KnowsItsOwnNamesOnly) {
  SliceAllocator slices;
  for (const char* name :
       {"takt-jobs-32.slice", "takt-jobs-1.slice", "takt-jobs-.slice", "takt-jobs-+1.slice",
        "takt-jobs-001.slice", "takt-jobs.slice", "takt-jobs-00.scope", "system.slice", ""}) {
    EXPECT_FALSE(slices.adopt(name)) << name;
    EXPECT_FALSE(slices.release(name)) << name;
  }
  EXPECT_FALSE(slices.release("takt-jobs-00.slice"));
  EXPECT_EQ(slices.live(), 0U);
}

}  // namespace
}  // namespace takt::sd
