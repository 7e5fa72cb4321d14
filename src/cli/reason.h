// SPDX-License-Identifier: Apache-2.0
// What --reason takes.
#pragma once

#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "base/utf8.h"

namespace takt::cli {

// kInvalid for a reason that the API would not take.
inline Result<void> check_reason(const std::string& reason) {
  if (reason.size() <= limits::kReasonMaxBytes && is_utf8(reason)) return {};
  return invalid("--reason",
                 "takes up to " + std::to_string(limits::kReasonMaxBytes) + " bytes of UTF-8");
}

}  // namespace takt::cli
