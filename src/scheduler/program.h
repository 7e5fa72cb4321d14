// SPDX-License-Identifier: Apache-2.0
// takt-scheduler without the process around it: options, configuration, sockets, run.
#pragma once

#include "base/startup.h"

namespace takt::scheduler {

// Does what the arguments say; returns the exit code. `signals` are held back since the start of
// the process; before other threads are started.
int run_program(int argc, char** argv, const DaemonSignals& signals);

}  // namespace takt::scheduler
