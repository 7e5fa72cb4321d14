// SPDX-License-Identifier: Apache-2.0
// The sample files and manual pages in the tree are what the tables of keys say. After a change:
//   meson compile takt-config-docs && build/src/config/takt-config-docs --write .
#include "config/docs.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "base/fs.h"
#include "config/files.h"

namespace takt::config {
namespace {

std::string in_tree(const std::string& name) {
  const auto text = read_file(AT_FDCWD, std::string(TAKT_SOURCE_ROOT) + "/" + name, 1 << 20);
  return text ? *text : text.error().message;
}

class Docs : public ::testing::TestWithParam<const FileInfo*> {};

TEST_P(Docs, TheSampleFileInTheTreeIsUpToDate) {
  EXPECT_EQ(in_tree("etc/" + std::string(GetParam()->conf_name)), sample_file(*GetParam()));
}

TEST_P(Docs, TheManualPageInTheTreeIsUpToDate) {
  EXPECT_EQ(in_tree("man/takt-" + std::string(GetParam()->conf_name) + ".5"),
            manual_page(*GetParam()));
}

TEST_P(Docs, EveryKeyIsInBoth) {
  const std::string sample = sample_file(*GetParam());
  const std::string page = manual_page(*GetParam());
  for (const KeyInfo& key : GetParam()->keys) {
    EXPECT_NE(sample.find("\n#" + std::string(key.name) + " ="), std::string::npos) << key.name;
    EXPECT_NE(page.find("\n.It Ic " + std::string(key.name) + "\n"), std::string::npos) << key.name;
  }
}

TEST_P(Docs, NoLineOfTheSampleFileIsTooLong) {
  std::istringstream lines(sample_file(*GetParam()));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST_P(Docs, NoLineOfTheManualPageIsTakenForAMacroByMistake) {
  std::istringstream lines(manual_page(*GetParam()));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_FALSE(line.starts_with("'")) << line;
    if (line.starts_with(".") && !line.starts_with(".\\\"")) {
      EXPECT_TRUE(line.size() > 2 && line[1] >= 'A' && line[1] <= 'Z') << line;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Docs,
                         ::testing::Values(&worker_file(), &scheduler_file(), &client_file()));

}  // namespace
}  // namespace takt::config
