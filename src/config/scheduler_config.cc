// SPDX-License-Identifier: Apache-2.0
// The table of scheduler.conf. A key stands here only once something honours it.
#include "config/scheduler_config.h"

#include "config/files.h"
#include "config/values.h"

namespace takt::config {
namespace {

using C = SchedulerConfig;
constexpr std::int64_t kHour = 3600;

constexpr KeyInfo kStateDirectory{.section = "scheduler",
                                  .name = "state_directory",
                                  .default_text = "/var/lib/takt-scheduler",
                                  .accepts = "an absolute path",
                                  .help = "Where the database of jobs and workers is kept."};
constexpr KeyInfo kListen{
    .section = "scheduler",
    .name = "listen",
    .default_note = "the inherited sockets; unix:/run/takt/scheduler.sock if there are none",
    .accepts = "unix:/path and number:port with commas between them",
    .help =
        "Addresses to listen on, for a scheduler started by hand. Under systemd "
        "takt-scheduler.socket alone has the addresses, and this key is refused."};
constexpr KeyInfo kInsecure{
    .section = "scheduler",
    .name = "insecure",
    .default_text = "no",
    .accepts = "yes or no",
    .help =
        "Whether TCP sockets may be served, and workers called, in plain text: whoever reaches "
        "them may do everything. Without it and without [tls] a TCP socket is refused at start."};
constexpr KeyInfo kLogLevel{.section = "scheduler",
                            .name = "log_level",
                            .default_text = "info",
                            .accepts = "error, warning, notice, info or debug",
                            .help = "Less urgent lines of the scheduler's own log are dropped."};
constexpr KeyInfo kWorkerUser{
    .section = "workers",
    .name = "user",
    .default_text = "root",
    .accepts = "a user's name",
    .help = "Who calls as this user over the unix socket has a worker's role here."};
constexpr KeyInfo kUnreachableAfter{
    .section = "workers",
    .name = "unreachable_after",
    .default_text = "15s",
    .accepts = "a time from 10s to 1h",
    .help =
        "A worker not heard of for this long is shown as unreachable and gets no new jobs; its "
        "jobs keep their state."};
constexpr KeyInfo kGroup{.section = "access",
                         .name = "group",
                         .default_text = "takt",
                         .accepts = "a group's name",
                         .help =
                             "Members may submit jobs over the unix socket, see all jobs, and "
                             "read and stop their own."};
constexpr KeyInfo kAdminGroup{
    .section = "access",
    .name = "admin_group",
    .default_text = "takt-admin",
    .accepts = "a group's name",
    .help = "Members may also read and stop the jobs of others. Root always may."};

}  // namespace

const std::vector<Key<SchedulerConfig>>& scheduler_keys() {
  static const auto keys = with_tls<C>({
      {kStateDirectory, assign<&C::state_directory, parse_path>},
      {kListen, assign<&C::listen, parse_listen>},
      {kInsecure, assign<&C::insecure, parse_bool>},
      {kLogLevel, assign<&C::log_level, parse_log_level>},
      {kWorkerUser, assign<&C::worker_user, parse_account>},
      {kUnreachableAfter, assign<&C::unreachable_after, parse_seconds_in<10, kHour>>},
      {kGroup, assign<&C::group, parse_account>},
      {kAdminGroup, assign<&C::admin_group, parse_account>},
  });
  return keys;
}

const FileInfo& scheduler_file() {
  static const FileInfo file{
      .conf_name = "scheduler.conf",
      .program = "takt-scheduler",
      .program_section = "8",
      .summary = "configuration of the takt scheduler",
      .sections = {{"scheduler", "The scheduler itself."},
                   {"workers", "The workers that it gives jobs to."},
                   {"access", "Who may call it over its unix socket."},
                   kTlsSection},
      .keys = infos_of(scheduler_keys()),
  };
  return file;
}

Result<void> complete(SchedulerConfig& config) {
  if (auto completed = complete_tls(config.tls, credentials_directory()); !completed)
    return completed;
  return check_listen(config.listen, config.insecure || config.tls.given(), "scheduler.listen");
}

Result<SchedulerConfig> load_scheduler_config(const LoadOptions& options) {
  SchedulerConfig config;
  if (auto loaded = load_keys(scheduler_file(), options, assigner(scheduler_keys(), config));
      !loaded)
    return loaded.error();
  if (auto checked = complete(config); !checked) return checked.error();
  return config;
}

}  // namespace takt::config
