// SPDX-License-Identifier: Apache-2.0
#include "base/fs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "unit/base/temp_folder.h"

namespace takt {
namespace {

class Fs : public testing::Test {
 protected:
  test::TempFolder folder_;
};

TEST_F(Fs, WritesAndReadsBack) {
  const std::string data("a\0b\n", 4);
  ASSERT_TRUE(write_file(folder_.fd(), "x", data, 0600).ok());
  EXPECT_EQ(read_file(folder_.fd(), "x", 4).value(), data);
}

TEST_F(Fs, ReadingIsBounded) {
  ASSERT_TRUE(write_file(folder_.fd(), "x", "12345", 0600).ok());
  const auto text = read_file(folder_.fd(), "x", 4);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, ErrorCode::kResourceExhausted);
}

TEST_F(Fs, AMissingFileIsNamed) {
  const auto text = read_file(folder_.fd(), "nowhere", 4);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().error_number, ENOENT);
  EXPECT_NE(text.error().message.find("nowhere"), std::string::npos);
}

TEST_F(Fs, DescriptorsAreCloseOnExec) {
  const auto fd = open_at(folder_.fd(), "x", O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(::fcntl(fd->get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(Fs, ReplaceLeavesNoTemporaryFile) {
  ASSERT_TRUE(replace_file(folder_.fd(), "x", "old", 0600).ok());
  ASSERT_TRUE(replace_file(folder_.fd(), "x", "new", 0600).ok());
  EXPECT_EQ(read_file(folder_.fd(), "x", 10).value(), "new");
  ASSERT_TRUE(replace_file_synced(folder_.fd(), "x", "newest", 0600).ok());
  EXPECT_EQ(read_file(folder_.fd(), "x", 10).value(), "newest");
  EXPECT_EQ(list_directory(folder_.fd()).value(), std::vector<std::string>{"x"});
}

TEST_F(Fs, ReplaceKeepsWhatAReaderHasOpen) {
  ASSERT_TRUE(replace_file(folder_.fd(), "x", "old", 0600).ok());
  const auto reader = open_at(folder_.fd(), "x", O_RDONLY);
  ASSERT_TRUE(replace_file(folder_.fd(), "x", "new", 0600).ok());
  EXPECT_EQ(read_all(reader->get(), 10, "x").value(), "old");
}

TEST_F(Fs, MakesDirectoriesAndLists) {
  ASSERT_TRUE(make_directories(folder_.path() + "/a/b/c", 0755).ok());
  ASSERT_TRUE(make_directories(folder_.path() + "/a/b/c", 0755).ok());
  ASSERT_TRUE(write_file(folder_.fd(), "a/file", "", 0600).ok());
  auto names = list_directory(folder_.fd(), "a").value();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"b", "file"}));
}

TEST_F(Fs, RemoveTreeDoesNotFollowLinks) {
  ASSERT_TRUE(make_directories(folder_.path() + "/outside", 0755).ok());
  ASSERT_TRUE(write_file(folder_.fd(), "outside/kept", "x", 0600).ok());
  ASSERT_TRUE(make_directories(folder_.path() + "/a/b", 0755).ok());
  ASSERT_EQ(::symlinkat("../outside", folder_.fd(), "a/link"), 0);
  ASSERT_TRUE(remove_tree(folder_.fd(), "a").ok());
  EXPECT_EQ(::faccessat(folder_.fd(), "a", F_OK, 0), -1);
  EXPECT_EQ(read_file(folder_.fd(), "outside/kept", 1).value(), "x");
  EXPECT_TRUE(remove_tree(folder_.fd(), "a").ok()) << "not there is no error";
}

TEST_F(Fs, RemovingWhatIsNotThereIsNoError) {
  EXPECT_TRUE(remove_file(folder_.fd(), "nothing").ok());
}

TEST_F(Fs, SyncsFilesAndDirectories) {
  ASSERT_TRUE(write_file(folder_.fd(), "x", "1", 0600).ok());
  EXPECT_TRUE(sync_file(folder_.fd(), "x").ok());
  EXPECT_TRUE(sync_directory(folder_.fd()).ok());
  EXPECT_FALSE(sync_file(folder_.fd(), "y").ok());
}

TEST_F(Fs, NonBlockingIsSwitched) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  ASSERT_TRUE(set_nonblocking(reader.get(), true).ok());
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_TRUE(set_nonblocking(reader.get(), false).ok());
  EXPECT_EQ(::fcntl(reader.get(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace takt
