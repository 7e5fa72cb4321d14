// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include <cerrno>

namespace takt::cli {

bool plain_exit(const v1::JobEnd& end) {
  if (end.cause() == v1::END_CAUSE_PARTS_ENDED) return end.parts_failed() == 0;
  return end.cause() == v1::END_CAUSE_EXITED && end.has_exit_code();
}

int exit_code_of(const v1::JobEnd& end) {
  switch (end.cause()) {
    case v1::END_CAUSE_EXITED:
      return end.has_exit_code() ? end.exit_code() : kExitTakt;
    case v1::END_CAUSE_SIGNALED:
      return end.has_signal() ? 128 + end.signal() : kExitTakt;
    case v1::END_CAUSE_OOM_KILLED:
      return kExitOomKilled;
    case v1::END_CAUSE_TIMED_OUT:
      return kExitTimedOut;
    case v1::END_CAUSE_STOPPED:
      return kExitStopped;
    case v1::END_CAUSE_PARTS_ENDED:
      return end.parts_failed() == 0 ? 0 : kExitRefused;
    case v1::END_CAUSE_START_FAILED:
      if (end.failed_step() != "exec") return kExitTakt;
      return end.error_number() == ENOENT ? kExitNotFound : kExitNotExecuted;
    default:  // HOST_SHUTDOWN, WORKER_LOST, SUPERVISOR_LOST, never ran, or newer than this takt
      return kExitTakt;
  }
}

}  // namespace takt::cli
