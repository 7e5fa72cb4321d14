// SPDX-License-Identifier: Apache-2.0
// The command line that both daemons share:
//   --config FILE             another main file; its drop-ins are FILE.d/*.conf
//   --set SECTION.KEY=VALUE   overrides one key; may be given often
//   --check-config            check, say nothing, exit
//   --help, --version
#pragma once

#include <string>

#include "base/result.h"
#include "config/load.h"

namespace takt::config {

enum class DaemonAction { kRun, kCheckConfig, kHelp, kVersion };

struct DaemonOptions {
  DaemonAction action = DaemonAction::kRun;
  LoadOptions load;
};

// kInvalid for an unknown option, a missing value or an argument that is none of ours.
Result<DaemonOptions> parse_daemon_options(int argc, const char* const* argv);

// The text of --help for the program of that name, which reads /etc/takt/<conf_name>.
std::string daemon_help(const std::string& program, const std::string& conf_name);

}  // namespace takt::config
