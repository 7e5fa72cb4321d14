// SPDX-License-Identifier: Apache-2.0
// What ps shows of a process that was forked and never exec'ed.
#pragma once

#include <string_view>

namespace takt::supervisor {

// Remembers where the arguments are. Once, at the start of main().
void remember_arguments(int argc, char** argv);

// Overwrites the arguments, cut to the room that they have.
void set_title(std::string_view title);

}  // namespace takt::supervisor
