// SPDX-License-Identifier: Apache-2.0
// Processes that outlast the end of all patience, such as those in uninterruptible sleep.
// Guarantees: each is named, with its state and where in the kernel it waits, in the journal and in
// what is told of the attempt, again and again until it is gone; nothing else waits for it. Loop
// thread only.
#pragma once

#include <string_view>

#include "worker/core.h"

namespace takt::worker {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kHoldoutsId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e10";

class Holdouts {
 public:
  explicit Holdouts(Core& core);

 private:
  void look_in(const LivePtr& live, nanoseconds pause);
  void look(const LivePtr& live, nanoseconds pause);

  Core& core_;
};

}  // namespace takt::worker
