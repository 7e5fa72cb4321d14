// SPDX-License-Identifier: Apache-2.0
// Jobs that wait: what they ask for, no worker has.
#pragma once

#include <cstdint>
#include <string>

#include "job/spec.h"

namespace takt::bench {

// What a job of this line asks for: a label that no worker has, or more memory than any has.
inline JobSpec waiting_spec(int line) {
  constexpr std::int64_t kGiB = std::int64_t{1} << 30;
  JobSpec spec;
  if (line % 2 == 0) {
    spec.constraints.push_back(
        {"rack", ConstraintOperator::kEqual, {"rack-" + std::to_string(line)}});
  } else {
    spec.resources.memory_bytes = (1000 + line) * kGiB;
  }
  return spec;
}

}  // namespace takt::bench
