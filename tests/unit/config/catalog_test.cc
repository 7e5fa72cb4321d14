// SPDX-License-Identifier: Apache-2.0
// Every MESSAGE_ID in our headers has an entry in the journal's catalog, and the other way round.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "base/fs.h"

namespace takt {
namespace {

// All that the pattern's first group matches in a file.
std::set<std::string> matches(const std::string& path, const std::regex& pattern) {
  const auto text = read_file(AT_FDCWD, path, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.error().message;
  std::set<std::string> found;
  if (!text) return found;
  for (std::sregex_iterator it(text->begin(), text->end(), pattern), end; it != end; ++it)
    found.insert((*it)[1]);
  return found;
}

TEST(Catalog, HasEveryMessageIdAndNoOther) {
  const std::string root = TAKT_SOURCE_ROOT;
  const std::regex literal("\"([0-9a-f]{32})\"");
  std::set<std::string> in_headers;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root + "/src"))
    if (entry.path().extension() == ".h") in_headers.merge(matches(entry.path(), literal));
  EXPECT_FALSE(in_headers.empty());
  EXPECT_EQ(matches(root + "/systemd/takt.catalog", std::regex("-- ([0-9a-f]{32})\n")), in_headers);
}

}  // namespace
}  // namespace takt
