// SPDX-License-Identifier: Apache-2.0
#include "attempt/folder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace takt::attempt {
namespace {

const std::string kId = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61";

AttemptName name_of(std::uint32_t number) { return {Uuid::parse(kId).value(), number}; }

TEST(Names, AreTheDesigns) {
  EXPECT_EQ(folder_path(name_of(2)), "jobs/" + kId + "/2");
  EXPECT_EQ(link_name(name_of(2)), kId + ".2");
  EXPECT_EQ(unit_name(name_of(2)), "takt-job-" + kId + ".2.scope");
}

TEST(Names, ParseBack) {
  EXPECT_EQ(parse_link_name(link_name(name_of(17))).value(), name_of(17));
  EXPECT_EQ(parse_unit_name(unit_name(name_of(4294967295))).value(), name_of(4294967295));
}

TEST(Names, RefuseEverythingElse) {
  const std::vector<std::string> bad_links{"",
                                           ".",
                                           kId,
                                           kId + ".",
                                           kId + ".0",
                                           kId + ".01",
                                           kId + ".-1",
                                           kId + ".+1",
                                           kId + ".1x",
                                           kId + ".4294967296",
                                           kId + "/1",
                                           "x" + kId + ".1",
                                           kId + ".1/..",
                                           "6F0B2C1E-8D3F-4F0E-9A57-0C1F7F7F2B61.1"};
  for (const std::string& bad : bad_links) EXPECT_FALSE(parse_link_name(bad).ok()) << bad;
  const std::vector<std::string> bad_units{"",
                                           kId + ".1",
                                           "takt-job-" + kId + ".1.service",
                                           "takt-job-.scope",
                                           "takt-job-scope",
                                           "takt-job-" + kId + ".1.scope.scope"};
  for (const std::string& bad : bad_units) EXPECT_FALSE(parse_unit_name(bad).ok()) << bad;
}

}  // namespace
}  // namespace takt::attempt
