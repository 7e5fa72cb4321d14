// SPDX-License-Identifier: Apache-2.0
// A folder of the test's own. Guarantees: removed with all below it when the owner goes.
#pragma once

#include <fcntl.h>
#include <stdlib.h>

#include <string>
#include <utility>

#include "base/check.h"
#include "base/fs.h"

namespace takt::test {

class TempFolder {
 public:
  TempFolder() {
    char name[] = "/tmp/takt-test-XXXXXX";
    TAKT_CHECK(::mkdtemp(name) != nullptr, "mkdtemp");
    path_ = name;
    auto opened = open_directory(AT_FDCWD, path_);
    TAKT_CHECK(opened.ok(), "%s", path_.c_str());
    directory_ = std::move(*opened);
  }
  TempFolder(TempFolder&&) = default;
  TempFolder& operator=(TempFolder&&) = delete;
  ~TempFolder() {
    if (directory_) static_cast<void>(remove_tree(AT_FDCWD, path_));
  }

  [[nodiscard]] int fd() const { return directory_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  UniqueFd directory_;
};

}  // namespace takt::test
