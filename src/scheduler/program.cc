// SPDX-License-Identifier: Apache-2.0
#include "scheduler/program.h"

#include <cstdio>
#include <string>

#include "base/daemon_exit.h"
#include "base/deletion_clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/version.h"
#include "config/daemon_options.h"
#include "scheduler/daemon.h"
#include "sd/journal.h"
#include "store/backup.h"

namespace takt::scheduler {
namespace {

void log_failure(const Error& error) {
  const std::string field = error.field.empty() ? "" : error.field + ": ";
  const bool said = error.message.rfind(field, 0) == 0;
  log_error("takt-scheduler: " + (said ? "" : field) + error.message);
}

int fail(const Error& error) {
  log_failure(error);
  return exit_code_of(error);
}

// What loading does not look at: files that the configuration names.
int check(const config::SchedulerConfig& config) {
  const auto credentials = load_credentials(config);
  return credentials ? 0 : fail(credentials.error());
}

int back_up(const config::SchedulerConfig& config, const std::string& file) {
  const auto report = store::back_up(config.state_directory, file);
  if (!report) {
    log_failure(report.error());
    return report.error().code == ErrorCode::kDataLoss ? kExitDamaged : kExitFailure;
  }
  const int said =
      std::printf("%s: store %s, %lld jobs, revision %lld, %lld bytes, checked\n", file.c_str(),
                  report->store_id.str().c_str(), static_cast<long long>(report->jobs),
                  static_cast<long long>(report->revision), static_cast<long long>(report->bytes));
  return said < 0 ? kExitFailure : 0;
}

// The daemon takes it up by itself.
int confirm_clock(const std::string& state_directory) {
  if (auto confirmed = DeletionClock::confirm(state_directory); !confirmed)
    return fail(confirmed.error());
  return std::printf("confirmed; takt-scheduler deletes old history again within 10 minutes\n") < 0;
}

}  // namespace

int run_program(int argc, char** argv, const DaemonSignals& signals) {
  const auto options = config::parse_daemon_options(argc, argv, config::Backups::kYes);
  if (!options) {
    std::fprintf(stderr, "takt-scheduler: %s\n", options.error().message.c_str());
    return kExitUsage;
  }
  if (options->action != config::DaemonAction::kRun) signals.give_back();
  if (options->action == config::DaemonAction::kHelp)
    return std::fputs(config::daemon_help("takt-scheduler", "scheduler.conf", config::Backups::kYes)
                          .c_str(),
                      stdout) < 0;
  if (options->action == config::DaemonAction::kVersion)
    return std::printf("takt %s\n", version()) < 0;
  auto config = config::load_scheduler_config(options->load);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return kExitConfig;
  }
  if (options->action == config::DaemonAction::kCheckConfig) return check(*config);
  if (options->action == config::DaemonAction::kConfirmClock)
    return confirm_clock(config->state_directory);
  if (options->action == config::DaemonAction::kBackup)
    return back_up(*config, options->backup_file);

  signals.take();
  sd::install_journal_log_sink();
  set_log_level(config->log_level);
  if (auto raised = raise_descriptor_limit(); !raised)
    log_warning(raised.error().message + "; going on with fewer descriptors");
  auto inherited = sd::take_inherited_sockets();
  if (!inherited) return fail(inherited.error());
  auto daemon = Daemon::create(std::move(*config), std::move(*inherited), options->load);
  if (!daemon) return fail(daemon.error());
  const auto code = (*daemon)->run();
  return code ? *code : fail(code.error());
}

}  // namespace takt::scheduler
