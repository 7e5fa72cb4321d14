// SPDX-License-Identifier: Apache-2.0
// Whether the file system of a job's output has room for more of it. Guarantees: what is free there
// for users other than root does not fall below a minimum by this job's output, but for one write
// and what others take between two looks; a look comes at most once a second or after each
// limits::kFreeSpaceLookBytes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace takt::supervisor {

class FreeSpace {
 public:
  // Of the file system that `folder` is on; the descriptor must outlive this. No minimum given: a
  // twentieth of the file system, at most 1 GiB.
  FreeSpace(int folder, std::optional<std::uint64_t> min_bytes)
      : folder_(folder), min_bytes_(min_bytes) {}

  // Whether so many bytes may be written now; then they count as written. True as well where the
  // file system does not say what is free, or has nothing left: then the write says so.
  bool take(std::uint64_t bytes);

 private:
  void look();

  int folder_;
  std::optional<std::uint64_t> min_bytes_;
  std::uint64_t left_bytes_ = 0;   // that may be written, as of the last look
  std::uint64_t taken_bytes_ = 0;  // since then
  BootTime next_look_;
};

}  // namespace takt::supervisor
