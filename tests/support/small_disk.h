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
  // The last has blocks that only root may use, a twentieth of all.
  enum class Kind { kTmpfs, kExt4, kExt4WithReserve };

  explicit SmallDisk(std::uint64_t bytes, Kind kind = Kind::kTmpfs);
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return directory_.get(); }
  [[nodiscard]] std::uint64_t size_bytes() const;
  // For users other than root.
  [[nodiscard]] std::uint64_t free_bytes() const;
  // Free, for root only.
  [[nodiscard]] std::uint64_t reserved_bytes() const;

  // Takes all that is free but so many bytes; and gives it back.
  void fill(std::uint64_t but_bytes = 0);
  void empty();

 private:
  TempFolder folder_;
  std::string path_;
  UniqueFd directory_;
};

}  // namespace takt::test
