// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace takt {
namespace {

constexpr const char* kText = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61";

TEST(Uuid, ParsesAndPrintsTheSame) {
  const auto id = Uuid::parse(kText);
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(id->str(), kText);
}

TEST(Uuid, UpperCaseBecomesLowerCase) {
  const auto id = Uuid::parse("6F0B2C1E-8D3F-4F0E-9A57-0C1F7F7F2B61");
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(id->str(), kText);
}

TEST(Uuid, RefusesWhatIsNone) {
  for (const std::string bad :
       {"", "x", "6f0b2c1e8d3f4f0e9a570c1f7f7f2b61", "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b6",
        "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b611", "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b6g"}) {
    const auto id = Uuid::parse(bad, "job_id");
    ASSERT_FALSE(id.ok()) << bad;
    EXPECT_EQ(id.error().field, "job_id");
    EXPECT_EQ(id.error().code, ErrorCode::kInvalid);
  }
}

TEST(Uuid, ANameHasOneIdInItsSpace) {
  // The example of Python's documentation of uuid5().
  const Uuid dns = Uuid::parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8").value();
  EXPECT_EQ(Uuid::from_name(dns, "python.org").str(), "886313e1-3b8a-5372-9b90-0c9aee199e5d");
  EXPECT_NE(Uuid::from_name(dns, "python.com"), Uuid::from_name(dns, "python.org"));
  EXPECT_NE(Uuid::from_name(Uuid(), "python.org"), Uuid::from_name(dns, "python.org"));
}

TEST(Uuid, NulInsideIsRefused) {
  std::string text = kText;
  text[35] = '\0';
  EXPECT_FALSE(Uuid::parse(text).ok());
}

TEST(Uuid, RandomOnesDiffer) {
  std::set<Uuid> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(Uuid::random());
  EXPECT_EQ(ids.size(), 1000U);
  EXPECT_FALSE(ids.begin()->is_nil());
  EXPECT_TRUE(Uuid().is_nil());
}

}  // namespace
}  // namespace takt
