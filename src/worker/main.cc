// SPDX-License-Identifier: Apache-2.0
// takt-worker: sets up the process, and lets nothing escape.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/startup.h"
#include "worker/program.h"

int main(int argc, char** argv) {
  takt::limit_heap_arenas();
  const takt::DaemonSignals signals;
  if (!takt::fill_standard_fds()) return EXIT_FAILURE;
  try {
    return takt::worker::run_program(argc, argv, signals);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "takt-worker: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
