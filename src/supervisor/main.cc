// SPDX-License-Identifier: Apache-2.0
// takt-supervisor: the spawner of supervisors, or the pause process. Not for use by hand.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/startup.h"
#include "base/version.h"
#include "supervisor/hold.h"
#include "supervisor/spawner.h"
#include "supervisor/title.h"

namespace {

constexpr int kUsageExit = 2;
constexpr const char* kHelp =
    "Usage: takt-supervisor --spawner | --hold\n"
    "\n"
    "Starts and watches over the processes of takt's jobs. takt-worker and\n"
    "takt-jobs-direct.service start it; it is not for use by hand.\n"
    "\n"
    "  --spawner   fork a supervisor for each request on descriptor 3\n"
    "  --hold      hold the cgroup of takt-jobs-direct.service until stopped\n"
    "  --version   print the version\n"
    "  --help      print this help\n";

}  // namespace

int main(int argc, char** argv) {
  if (!takt::fill_standard_fds()) return EXIT_FAILURE;
  takt::supervisor::remember_arguments(argc, argv);
  const std::string_view verb = argc == 2 ? argv[1] : "";
  if (verb == "--spawner") return takt::supervisor::run_spawner();
  if (verb == "--hold") return takt::supervisor::run_hold();
  if (verb == "--version") return std::printf("takt %s\n", takt::version()) < 0;
  if (verb == "--help") return std::fputs(kHelp, stdout) < 0;
  std::fputs("takt-supervisor: expected one of --spawner, --hold, --version, --help\n", stderr);
  return kUsageExit;
}
