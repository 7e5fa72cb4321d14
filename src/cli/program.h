// SPDX-License-Identifier: Apache-2.0
// takt as a whole, without the process around it.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace takt::cli {

// Does what the arguments (without the program's name) say; the exit code.
int run_program(std::vector<std::string> arguments, const Io& io);

}  // namespace takt::cli
