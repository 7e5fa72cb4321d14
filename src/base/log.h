// SPDX-License-Identifier: Apache-2.0
// Log lines with fields. Guarantees: thread-safe; one line per call, without control characters;
// never fails the caller. Until a sink is set, lines go to stderr with a <N> priority prefix that
// systemd understands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace takt {

// syslog(3) priorities.
enum class LogLevel { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6, kDebug = 7 };

// A structured field: NAME in the journal's form (A-Z, 0-9, _), and its value.
struct LogField {
  std::string name;
  std::string value;
};

// The field by which journalctl -x finds what our catalog says of a line. Ids are constants in
// headers and never change: catalogs and scripts know them.
inline LogField message_id(std::string_view id) { return {"MESSAGE_ID", std::string(id)}; }

using LogSink = void (*)(LogLevel level, std::string_view message,
                         const std::vector<LogField>& fields);

// Where lines go from now on (sd/journal.h gives the journal's); nullptr is stderr again.
void set_log_sink(LogSink sink);

// Lines less urgent than this are dropped. Default kInfo.
void set_log_level(LogLevel level);

void log(LogLevel level, std::string_view message, const std::vector<LogField>& fields = {});

inline void log_error(std::string_view message, const std::vector<LogField>& fields = {}) {
  log(LogLevel::kError, message, fields);
}
inline void log_warning(std::string_view message, const std::vector<LogField>& fields = {}) {
  log(LogLevel::kWarning, message, fields);
}
inline void log_notice(std::string_view message, const std::vector<LogField>& fields = {}) {
  log(LogLevel::kNotice, message, fields);
}
inline void log_info(std::string_view message, const std::vector<LogField>& fields = {}) {
  log(LogLevel::kInfo, message, fields);
}
inline void log_debug(std::string_view message, const std::vector<LogField>& fields = {}) {
  log(LogLevel::kDebug, message, fields);
}

}  // namespace takt
