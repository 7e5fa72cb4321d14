// SPDX-License-Identifier: Apache-2.0
#include "compat/script_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "unit/base/temp_folder.h"

namespace takt::compat {
namespace {

class Scripts : public testing::Test {
 protected:
  Scripts() {
    EXPECT_EQ(::mkdir(path("scripts").c_str(), 0755), 0);
    EXPECT_EQ(::mkdir(path("scripts/sub").c_str(), 0755), 0);
    for (const char* name : {"scripts/a.sh", "scripts/sub/b.sh", "secret", "scripts/..c"})
      EXPECT_TRUE(write_file(AT_FDCWD, path(name), "#!/bin/sh\n", 0644).ok());
    auto opened = ScriptFolder::open(path("scripts"));
    EXPECT_TRUE(opened.ok());
    folder_.emplace(std::move(*opened));
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return temp_.path() + "/" + name;
  }
  void link(const std::string& target, const std::string& name) const {
    EXPECT_EQ(::symlink(target.c_str(), path("scripts/" + name).c_str()), 0);
  }
  [[nodiscard]] std::string resolved(const std::string& name) const {
    const auto found = folder_->resolve(name);
    EXPECT_TRUE(found.ok()) << name << ": " << found.error().message;
    return found ? *found : "";
  }
  // The reason of a refusal, which names the field.
  [[nodiscard]] std::string refused(const std::string& name) const {
    const auto found = folder_->resolve(name);
    EXPECT_FALSE(found.ok()) << name << " gives " << *found;
    if (found) return "";
    EXPECT_EQ(found.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(found.error().field, "path");
    return found.error().message;
  }

  test::TempFolder temp_;
  std::optional<ScriptFolder> folder_;
};

TEST_F(Scripts, AreFoundByTheirPath) {
  EXPECT_EQ(resolved("a.sh"), "a.sh");
  EXPECT_EQ(resolved("sub/b.sh"), "sub/b.sh");
  EXPECT_EQ(resolved("./sub/./b.sh"), "sub/b.sh");
  EXPECT_EQ(resolved("..c"), "..c");
}

TEST_F(Scripts, LinksWithinTheFolderAreFollowedOnce) {
  link("sub", "current");
  link("../a.sh", "sub/up");
  EXPECT_EQ(resolved("current/b.sh"), "sub/b.sh");
  EXPECT_EQ(resolved("sub/up"), "a.sh");
}

TEST_F(Scripts, NothingOutsideIsReached) {
  link("../secret", "out");
  link(path("secret"), "absolute");
  link(path("scripts/a.sh"), "absolute-inside");
  link("..", "parent");
  link("/proc/self/fd/0", "magic");
  link("loop", "loop");
  for (const char* name : {"../secret", "..", "sub/../a.sh", "sub/..", "sub/../../secret"})
    EXPECT_NE(refused(name).find("has \"..\""), std::string::npos) << name;
  for (const char* name : {"out", "absolute", "absolute-inside", "parent/secret", "magic", "loop"})
    EXPECT_NE(refused(name).find("leads out"), std::string::npos) << name;
  EXPECT_NE(refused(path("scripts/a.sh")).find("is absolute"), std::string::npos);
}

TEST_F(Scripts, OnlyFilesThatAreThereAreRun) {
  EXPECT_EQ(::mkfifo(path("scripts/fifo").c_str(), 0644), 0);
  EXPECT_NE(refused("").find("is empty"), std::string::npos);
  EXPECT_NE(refused("nothing").find("is not in the script folder"), std::string::npos);
  EXPECT_NE(refused("a.sh/").find("is not in the script folder"), std::string::npos);
  for (const char* name : {"sub", ".", "fifo"})
    EXPECT_NE(refused(name).find("is no file"), std::string::npos) << name;
  EXPECT_NE(refused(std::string("a.sh\0x", 6)).find("is no path"), std::string::npos);
  EXPECT_NE(refused(std::string(5000, 'a')).find("is no path"), std::string::npos);
}

TEST_F(Scripts, AFolderThatMovesIsTheSameFolder) {
  ASSERT_EQ(::rename(path("scripts").c_str(), path("moved").c_str()), 0);
  EXPECT_EQ(resolved("a.sh"), "a.sh");
  EXPECT_FALSE(ScriptFolder::open(path("scripts")).ok());
  EXPECT_FALSE(ScriptFolder::open(path("secret")).ok());
}

}  // namespace
}  // namespace takt::compat
