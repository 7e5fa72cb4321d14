// SPDX-License-Identifier: Apache-2.0
// Log lines with their fields in the journal.
#pragma once

namespace takt::sd {

// Sends base/log.h's lines to the journal with PRIORITY, SYSLOG_IDENTIFIER (the program's name) and
// their own fields, when stderr is connected to the journal (JOURNAL_STREAM names it). Else lines
// stay on stderr, and it returns false. A line that the journal does not take goes to stderr.
bool install_journal_log_sink();

}  // namespace takt::sd
