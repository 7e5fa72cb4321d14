// SPDX-License-Identifier: Apache-2.0
#include "worker/damage.h"

#include <cerrno>

#include "attempt/folder.h"
#include "base/log.h"

namespace takt::worker {

bool is_damage(const Error& error) {
  const int number = error.error_number;
  return number != EMFILE && number != ENFILE && number != ENOMEM;
}

void note_damage(LiveAttempt& live, const char* file, const Error& error) {
  live.damage = "the record \"" + std::string(file) + "\" could not be read";
  log_error("job " + live.record.id.str() + ": " + live.damage + ": " + error.message,
            fields_of(live, kRecordDamagedId));
}

void set_file_aside(Core& core, LiveAttempt& live, const char* file, const Error& error) {
  note_damage(live, file, error);
  if (auto aside = core.state.set_file_aside(live.record.id, file); !aside)
    log_warning("job " + live.record.id.str() + ": " + aside.error().message + "; it stays there",
                fields_of(live));
}

void set_attempt_aside(Core& core, const AttemptId& id, const Error& error) {
  log_error("attempt " + id.str() + " cannot be read and is set aside: " + error.message,
            {message_id(kRecordDamagedId),
             {"TAKT_JOB_ID", id.job_id.str()},
             {"TAKT_ATTEMPT", std::to_string(id.number)},
             {"OBJECT_SYSTEMD_UNIT", attempt::unit_name(name_of(id))}});
  if (auto aside = core.state.set_aside(id); !aside)
    log_error("attempt " + id.str() + ": " + aside.error().message);
}

}  // namespace takt::worker
