// SPDX-License-Identifier: Apache-2.0
// What --reason takes.
#pragma once

#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "rpc/status.h"

namespace takt::cli {

// kInvalid for a reason that the API would not take.
inline Result<void> check_reason(const std::string& reason) {
  if (reason.size() <= limits::kReasonMaxBytes && rpc::clean_text(reason, reason.size()) == reason)
    return {};
  return invalid("--reason",
                 "takes up to " + std::to_string(limits::kReasonMaxBytes) + " bytes of UTF-8");
}

}  // namespace takt::cli
