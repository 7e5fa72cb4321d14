// SPDX-License-Identifier: Apache-2.0
// Which of the fixed slices takt-jobs-00.slice … takt-jobs-31.slice the next scope goes into. PID
// 1's cost per start grows with the live scopes of one slice, so: the first slice with fewer than
// limits::kScopesPerSlice, then the emptiest. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace takt::sd {

class SliceAllocator {
 public:
  // "takt-jobs-07.slice".
  static std::string name(std::size_t index);

  // Chooses a slice for one more scope and counts it there.
  std::string acquire();

  // Counts a scope that lives already (found at start). False if `slice` is none of ours.
  bool adopt(std::string_view slice);

  // One scope of `slice` has ended, or was never started. False if none is counted there.
  bool release(std::string_view slice);

  // Scopes counted in that slice, and in all.
  [[nodiscard]] std::size_t live(std::size_t index) const { return live_.at(index); }
  [[nodiscard]] std::size_t live() const;

 private:
  std::array<std::size_t, limits::kJobSlices> live_{};
};

}  // namespace takt::sd
