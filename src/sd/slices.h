// SPDX-License-Identifier: Apache-2.0
// Which slice the next scope of a user goes into: takt-jobs-u1000-00.slice to
// takt-jobs-u1000-31.slice, below the user's takt-jobs-u1000.slice. So users share the host
// equally, and each has limits of its own. PID 1's cost per start grows with the live scopes of one
// slice, so: the first slice with fewer than limits::kScopesPerSlice, then the emptiest. Pure.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace takt::sd {

// "takt-jobs-u1000.slice", which has all jobs of a user.
std::string user_slice(uid_t uid);
// The user of such a slice. No value: it is none.
std::optional<uid_t> user_of_slice(std::string_view slice);

class SliceAllocator {
 public:
  // Chooses a slice for one more scope of the user and counts it there: "takt-jobs-u1000-07.slice".
  std::string acquire(uid_t uid);

  // Counts a scope that lives already (found at start). Its user; no value if `slice` is none of
  // ours, or of an earlier version (takt-jobs-07.slice).
  std::optional<uid_t> adopt(std::string_view slice);

  // One scope of `slice` has ended, or was never started. Its user; no value if none is counted
  // there.
  std::optional<uid_t> release(std::string_view slice);

  // Scopes counted in all.
  [[nodiscard]] std::size_t live() const;

 private:
  using Counts = std::array<std::size_t, limits::kSlicesPerUser>;
  std::map<uid_t, Counts> live_;  // users with scopes only
};

}  // namespace takt::sd
