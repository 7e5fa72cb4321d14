// SPDX-License-Identifier: Apache-2.0
// Sums of what jobs take, and whether one more fits.
#include "job/amounts.h"

#include <gtest/gtest.h>

namespace takt {
namespace {

const Amounts kWorker{4, 8000, 1 << 20, 100, {{"gpu", 2}}};

TEST(Amounts, AreAddedAndTakenAwayThingByThing) {
  Amounts sum{1, 500, 10, 2, {{"gpu", 1}}};
  sum += {1, 250, 5, 0, {{"gpu", 1}, {"license", 3}}};
  EXPECT_EQ(sum, (Amounts{2, 750, 15, 2, {{"gpu", 2}, {"license", 3}}}));
  sum -= {1, 250, 5, 0, {{"license", 3}}};
  EXPECT_EQ(sum, (Amounts{1, 500, 10, 2, {{"gpu", 2}, {"license", 0}}}));
}

TEST(Fits, WhenNothingAskedForIsExceeded) {
  EXPECT_TRUE(fits(kWorker, {}, kWorker));
  EXPECT_TRUE(fits({1, 0, 0, 0, {}}, {3, 8000, 1 << 20, 100, {{"gpu", 2}}}, kWorker));
  EXPECT_FALSE(fits({1, 0, 0, 0, {}}, {4, 0, 0, 0, {}}, kWorker));
  EXPECT_FALSE(fits({1, 8001, 0, 0, {}}, {}, kWorker));
  EXPECT_FALSE(fits({1, 0, 2, 0, {}}, {0, 0, (1 << 20) - 1, 0, {}}, kWorker));
  EXPECT_FALSE(fits({1, 0, 0, 1, {}}, {0, 0, 0, 100, {}}, kWorker));
  EXPECT_FALSE(fits({1, 0, 0, 0, {{"gpu", 1}}}, {0, 0, 0, 0, {{"gpu", 2}}}, kWorker));
  EXPECT_FALSE(fits({1, 0, 0, 0, {{"license", 1}}}, {}, kWorker)) << "nobody has one";
}

TEST(LoadOf, IsTheLargestShare) {
  EXPECT_EQ(load_of({}, kWorker), 0);
  EXPECT_EQ(load_of({1, 4000, 0, 0, {}}, kWorker), 0.5);
  EXPECT_EQ(load_of({3, 4000, 0, 0, {}}, kWorker), 0.75);
  EXPECT_EQ(load_of({0, 4000, 0, 0, {}}, {4, 0, 0, 0, {}}), 0) << "of what it does not have";
}

}  // namespace
}  // namespace takt
