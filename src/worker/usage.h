// SPDX-License-Identifier: Apache-2.0
// What a live attempt uses now, and what is left of one that is ENDING, from the kernel's files
// about its cgroup. What the kernel does not tell stays unknown.
#pragma once

#include "worker/live_attempt.h"

namespace takt::worker {

// Brings record.usage, and while it is ENDING record.remaining, up to date.
void refresh_usage(LiveAttempt& live);

}  // namespace takt::worker
