// SPDX-License-Identifier: Apache-2.0
// What `takt status` prints of one job. Pure.
#pragma once

#include <string>

#include "base/clock.h"
#include "cli/console.h"
#include "takt/v1/job.pb.h"

namespace takt::cli {

struct Layout {
  Screen screen;
  WallTime now;
  bool full = false;   // absolute times
  bool bytes = false;  // exact sizes
};

std::string status_block(const v1::Job& job, const Layout& layout);

// "4min" ago or in words, or with `full` the time itself.
std::string when_text(const google::protobuf::Timestamp& time, const Layout& layout);

}  // namespace takt::cli
