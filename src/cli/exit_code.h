// SPDX-License-Identifier: Apache-2.0
// What takt exits with. The codes of `run` and `wait`:
//   the job's own code; 128+n for signal n; 124 time limit; 137 memory limit;
//   126 the command could not be executed, 127 it was not found;
//   143 stopped by someone else; 130 after Ctrl-C stopped it (run only);
//   125 takt itself could not do it, or lost the job.
// Of a job with parts: `run` the highest of theirs; `wait` 0, or 1 if not all succeeded.
#pragma once

#include "takt/v1/job.pb.h"

namespace takt::cli {

inline constexpr int kExitRefused = 1;  // other verbs
inline constexpr int kExitUsage = 2;    // other verbs
inline constexpr int kExitTimedOut = 124;
inline constexpr int kExitTakt = 125;  // run and wait
inline constexpr int kExitNotExecuted = 126;
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitInterrupted = 130;
inline constexpr int kExitOomKilled = 137;
inline constexpr int kExitPipe = 141;  // nobody reads our output
inline constexpr int kExitStopped = 143;

// Of a job that has ended so.
int exit_code_of(const v1::JobEnd& end);

// Whether the code alone tells all: the command exited by itself.
bool plain_exit(const v1::JobEnd& end);

}  // namespace takt::cli
