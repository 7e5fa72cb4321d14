// SPDX-License-Identifier: Apache-2.0
// The command line that both daemons share:
//   --config FILE             another main file; its drop-ins are FILE.d/*.conf
//   --set SECTION.KEY=VALUE   overrides one key; may be given often
//   --check-config            check, say nothing, exit
//   --confirm-clock           confirm the time to the daemon (base/deletion_clock.h), exit
//   --backup FILE             copy the database to FILE, say so, exit; the scheduler only
//   --help, --version
#pragma once

#include <string>

#include "base/result.h"
#include "config/load.h"

namespace takt::config {

enum class DaemonAction { kRun, kCheckConfig, kConfirmClock, kBackup, kHelp, kVersion };

// Whether the program has something to back up.
enum class Backups { kNo, kYes };

struct DaemonOptions {
  DaemonAction action = DaemonAction::kRun;
  LoadOptions load;
  std::string backup_file;  // of kBackup
};

// kInvalid for an unknown option, a missing value or an argument that is none of ours.
Result<DaemonOptions> parse_daemon_options(int argc, const char* const* argv,
                                           Backups backups = Backups::kNo);

// The text of --help for the program of that name, which reads /etc/takt/<conf_name>.
std::string daemon_help(const std::string& program, const std::string& conf_name,
                        Backups backups = Backups::kNo);

}  // namespace takt::config
