// SPDX-License-Identifier: Apache-2.0
// A file system of a size, in a mount namespace of this thread and of the processes that it starts.
// Guarantees: gone with its owner, or with the test.
#pragma once

#include <cstdint>
#include <string>

#include "unit/base/temp_folder.h"

namespace takt::test {

class SmallDisk {
 public:
  enum class Kind { kTmpfs, kExt4 };

  explicit SmallDisk(std::uint64_t bytes, Kind kind = Kind::kTmpfs);
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return directory_.get(); }
  [[nodiscard]] std::uint64_t free_bytes() const;

  // Takes all that is free but so many bytes; and gives it back.
  void fill(std::uint64_t but_bytes = 0);
  void empty();

 private:
  TempFolder folder_;
  std::string path_;
  UniqueFd directory_;
};

}  // namespace takt::test
