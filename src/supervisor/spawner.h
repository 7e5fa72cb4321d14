// SPDX-License-Identifier: Apache-2.0
// The spawner: one single-threaded process that forks a supervisor per request, so that nothing
// forks in the worker's threads. Guarantees: it answers every request; leaves no zombies; ends when
// the worker's end of its socket closes. Supervisors that run outlive it.
#pragma once

namespace takt::supervisor {

// Serves requests on descriptor attempt::kSpawnerSocketFd; the exit code of the process.
int run_spawner();

}  // namespace takt::supervisor
