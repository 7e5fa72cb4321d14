// SPDX-License-Identifier: Apache-2.0
#include "worker/core.h"

namespace takt::worker {

std::vector<LogField> fields_of(const LiveAttempt& live) {
  return {{"TAKT_JOB_ID", live.record.id.job_id.str()},
          {"TAKT_ATTEMPT", std::to_string(live.record.id.number)},
          {"OBJECT_SYSTEMD_UNIT", live.record.unit}};
}

std::vector<LogField> fields_of(const LiveAttempt& live, std::string_view id) {
  std::vector<LogField> fields = fields_of(live);
  fields.push_back(message_id(id));
  return fields;
}

}  // namespace takt::worker
