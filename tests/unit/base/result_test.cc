// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

namespace takt {
namespace {

TEST(Result, HoldsAValue) {
  const Result<int> result = 7;
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 7);
}

TEST(Result, HoldsAnError) {
  const Result<int> result = make_error(ErrorCode::kNotFound, "no such job");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(result.error().message, "no such job");
}

TEST(Result, MovesAValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 3);
}

TEST(Result, ErrorOfResultsOfErrorTypeStaysApart) {
  const Result<std::string> good = std::string("text");
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(good->size(), 4U);
}

TEST(ResultOfVoid, IsGoodUnlessGivenAnError) {
  EXPECT_TRUE(Result<void>().ok());
  const Result<void> bad = make_error(ErrorCode::kInternal, "x");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::kInternal);
}

TEST(ResultDeathTest, TheWrongSideAborts) {
  const Result<int> good = 1;
  const Result<int> bad = make_error(ErrorCode::kInternal, "it broke");
  EXPECT_DEATH(static_cast<void>(bad.value()), "it broke");
  EXPECT_DEATH(static_cast<void>(good.error()), "error of a good result");
}

TEST(Error, GainsContextAndKeepsTheRest) {
  const Error inner = system_error("open spec", ENOENT);
  const Error outer = inner.in("job 5");
  EXPECT_EQ(outer.message, "job 5: open spec: No such file or directory");
  EXPECT_EQ(outer.error_number, ENOENT);
  EXPECT_EQ(outer.code, ErrorCode::kSystem);
}

TEST(Error, InvalidNamesItsField) {
  const Error error = invalid("argv", "is empty");
  EXPECT_EQ(error.field, "argv");
  EXPECT_EQ(error.message, "argv: is empty");
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
}

TEST(Error, SystemErrorTakesErrno) {
  errno = EACCES;
  EXPECT_EQ(system_error("open").error_number, EACCES);
}

}  // namespace
}  // namespace takt
