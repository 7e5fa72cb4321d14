// SPDX-License-Identifier: Apache-2.0
#include "worker/core.h"

namespace takt::worker {

std::vector<LogField> fields_of(const LiveAttempt& live) {
  return {{"TAKT_JOB_ID", live.record.id.job_id.str()},
          {"TAKT_ATTEMPT", std::to_string(live.record.id.number)},
          {"OBJECT_SYSTEMD_UNIT", live.record.unit}};
}

}  // namespace takt::worker
