// SPDX-License-Identifier: Apache-2.0
// How long a command takes, seen from outside. Every failure aborts.
#pragma once

#include <vector>

#include "base/clock.h"

namespace takt::bench {

struct CommandTimes {
  std::vector<nanoseconds> spans;        // from before posix_spawn until the command was reaped
  std::vector<nanoseconds> first_bytes;  // until the first byte of its stdout, where there is one
};

// Runs the command `count` times, one after another; argv ends with a null pointer. A code other
// than 0 aborts.
CommandTimes time_command(int count, char* const* argv);

}  // namespace takt::bench
