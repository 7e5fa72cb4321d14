// SPDX-License-Identifier: Apache-2.0
// What a raw loop measured.
#pragma once

#include "base/clock.h"

namespace takt::bench {

struct Outcome {
  nanoseconds span{};          // from before the first start to after the last clean-up
  nanoseconds children_cpu{};  // processor time of the commands
};

}  // namespace takt::bench
