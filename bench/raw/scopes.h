// SPDX-License-Identifier: Apache-2.0
// The raw loop around systemd's StartTransientUnit. Every failure aborts.
#pragma once

#include "bench/raw/outcome.h"

namespace takt::bench {

// For each of `count` processes, of which `in_flight` are there at a time: forks one that waits,
// asks systemd over the system bus for a scope with it, and lets it execute /bin/true once
// systemd's job is done. Ends when all are reaped; systemd removes the scopes by itself.
Outcome scope_loop(int count, int in_flight);

}  // namespace takt::bench
