// SPDX-License-Identifier: Apache-2.0
#include "worker/program.h"

#include <sys/stat.h>

#include <cstdio>
#include <string>

#include "base/daemon_exit.h"
#include "base/deletion_clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/version.h"
#include "config/daemon_options.h"
#include "sd/journal.h"
#include "worker/daemon.h"

namespace takt::worker {
namespace {

// Users of jobs go through the folders that the worker makes; each asks for the mode that it needs.
constexpr mode_t kUmask = 0022;

int fail(const Error& error) {
  log_error("takt-worker: " + error.message);
  return exit_code_of(error);
}

// What loading does not look at: files that the configuration names.
int check(const config::WorkerConfig& config) {
  const auto credentials = load_credentials(config);
  return credentials ? 0 : fail(credentials.error());
}

// The daemon takes it up by itself.
int confirm_clock(const std::string& state_directory) {
  if (auto confirmed = DeletionClock::confirm(state_directory); !confirmed)
    return fail(confirmed.error());
  return std::printf("confirmed; takt-worker deletes old history again within 10 minutes\n") < 0;
}

}  // namespace

int run_program(int argc, char** argv, const DaemonSignals& signals) {
  auto options = config::parse_daemon_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "takt-worker: %s\n", options.error().message.c_str());
    return kExitUsage;
  }
  if (options->action != config::DaemonAction::kRun) signals.give_back();
  if (options->action == config::DaemonAction::kHelp)
    return std::fputs(config::daemon_help("takt-worker", "worker.conf").c_str(), stdout) < 0;
  if (options->action == config::DaemonAction::kVersion)
    return std::printf("takt %s\n", version()) < 0;
  auto config = config::load_worker_config(options->load);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return kExitConfig;
  }
  if (options->action == config::DaemonAction::kCheckConfig) return check(*config);
  if (options->action == config::DaemonAction::kConfirmClock)
    return confirm_clock(config->state_directory);

  signals.take();
  ::umask(kUmask);
  sd::install_journal_log_sink();
  set_log_level(config->log_level);
  if (auto raised = raise_descriptor_limit(); !raised)
    log_warning(raised.error().message + "; going on with fewer descriptors");
  auto inherited = sd::take_inherited_sockets();
  if (!inherited) return fail(inherited.error());
  auto daemon = Daemon::create(std::move(*config), std::move(*inherited), options->load);
  if (!daemon) return fail(daemon.error());
  auto code = (*daemon)->run();
  return code ? *code : fail(code.error());
}

}  // namespace takt::worker
