// SPDX-License-Identifier: Apache-2.0
// Which files hold an attempt's output.
#include "attempt/output_files.h"

#include <gtest/gtest.h>

#include "base/fs.h"
#include "unit/base/temp_folder.h"

namespace takt::attempt {
namespace {

using Starts = std::vector<std::uint64_t>;

TEST(OutputFiles, AreFoundByTheirNames) {
  const test::TempFolder folder;
  for (const char* name : {"stdout", "stdout.700", "stdout.1000", "stderr.5", "timeline.2",
                           "timeline", "spec", "exit", "script"})
    ASSERT_TRUE(write_file(folder.fd(), name, "x", 0600).ok());
  const auto files = list_output_files(folder.fd());
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->streams[0], (Starts{0, 700, 1000}));
  EXPECT_EQ(files->streams[1], (Starts{5}));
  EXPECT_EQ(files->timeline, (Starts{0, 2}));
}

TEST(OutputFiles, NamesThatAreNoneOfOursArePassedOver) {
  const test::TempFolder folder;
  for (const char* name :
       {"stdout.", "stdout.0", "stdout.07", "stdout.+7", "stdout.7x", "stdout.-7", "stdout.7.8",
        "stdout.99999999999999999999", "stdout7", "xstdout", "timeline.tmp"})
    ASSERT_TRUE(write_file(folder.fd(), name, "x", 0600).ok());
  const auto files = list_output_files(folder.fd());
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->streams[0], Starts{});
  EXPECT_EQ(files->timeline, Starts{});
}

TEST(OutputFiles, ANameSaysWhereItsBytesStand) {
  EXPECT_EQ(piece_name("stdout", 0), "stdout");
  EXPECT_EQ(piece_name("stderr", 1073741824), "stderr.1073741824");
}

}  // namespace
}  // namespace takt::attempt
