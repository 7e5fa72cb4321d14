// SPDX-License-Identifier: Apache-2.0
// Standard input of a job, taken whole before it is submitted. Sent are files, pipes and sockets;
// not terminals, devices (/dev/null) and what is closed. A pipe or socket is read to its end: takt
// cannot know that nothing will come, so after a few seconds it says for what it waits.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/console.h"

namespace takt::cli {

// Nothing if there is no input to send. kInvalid beyond a spec's limit; kCancelled if a
// signal came.
Result<std::optional<std::string>> read_input(const Io& io, Console& console);

}  // namespace takt::cli
