// SPDX-License-Identifier: Apache-2.0
// Every MESSAGE_ID in our headers has an entry in the journal's catalog, and the other way round.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "base/fs.h"

namespace takt {
namespace {

constexpr std::size_t kIdLength = 32;

// All ids of a file that stand between these two texts.
std::set<std::string> ids(const std::string& path, std::string_view before, char after) {
  const auto text = read_file(AT_FDCWD, path, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.error().message;
  std::set<std::string> found;
  if (!text) return found;
  for (std::size_t at = text->find(before); at != std::string::npos;
       at = text->find(before, at + 1)) {
    const std::string id = text->substr(at + before.size(), kIdLength);
    const std::size_t end = at + before.size() + kIdLength;
    const bool hex = id.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (hex && end < text->size() && (*text)[end] == after) found.insert(id);
  }
  return found;
}

TEST(Catalog, HasEveryMessageIdAndNoOther) {
  const std::string root = TAKT_SOURCE_ROOT;
  std::set<std::string> in_headers;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root + "/src"))
    if (entry.path().extension() == ".h") in_headers.merge(ids(entry.path(), "\"", '"'));
  EXPECT_FALSE(in_headers.empty());
  EXPECT_EQ(ids(root + "/systemd/takt.catalog", "-- ", '\n'), in_headers);
}

}  // namespace
}  // namespace takt
