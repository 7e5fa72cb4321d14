// SPDX-License-Identifier: Apache-2.0
// The table of scheduler.conf. A key stands here only once something honours it.
#include "config/scheduler_config.h"

#include "config/account_keys.h"
#include "config/files.h"
#include "config/values.h"

namespace takt::config {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr auto kJobsMost = static_cast<std::int64_t>(limits::kQueueMax);

Result<Spreading> parse_placement(std::string_view text, std::string_view field) {
  if (text == "spread") return Spreading::kSpread;
  if (text == "pack") return Spreading::kPack;
  return invalid(std::string(field),
                 "\"" + std::string(text) + "\" is not known; write spread or pack");
}

namespace scheduler_key {
constexpr KeyInfo kStateDirectory{.section = "scheduler",
                                  .name = "state_directory",
                                  .default_text = "/var/lib/takt-scheduler",
                                  .accepts = "an absolute path",
                                  .help = "Where the database of jobs and workers is kept."};
constexpr KeyInfo kStoreMax{
    .reloads = true,
    .section = "scheduler",
    .name = "store_max",
    .default_text = "8G",
    .accepts = "a size from 16M to 1024T",
    .help =
        "Maximum size of the database. From five eighths of it on, scripts and input of ended jobs "
        "are removed, then ended jobs, the oldest first. From six eighths on, submissions of users "
        "are refused, from seven eighths on those of operators too. Starts, ends, stops, holds and "
        "registrations are never refused for it."};
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
constexpr KeyInfo kLogLevel{.reloads = true,
                            .section = "scheduler",
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
constexpr KeyInfo kLostAfter{
    .section = "workers",
    .name = "lost_after",
    .default_text = "90s",
    .accepts = "a time from 30s to 24h",
    .help =
        "A worker not heard of for this long is shown as lost. Its jobs keep their state all the "
        "same; those with a lease are given up when that is over."};
constexpr KeyInfo kJobsMax{.reloads = true,
                           .section = "queue",
                           .name = "jobs_max",
                           .default_text = "1000000",
                           .accepts = "a number from 1 to 1000000",
                           .help =
                               "How many jobs may be there that have not ended; more are refused "
                               "when they are submitted. The last quarter is for operators and "
                               "root."};
constexpr KeyInfo kJobsOfUserMax{.reloads = true,
                                 .section = "queue",
                                 .name = "jobs_of_user_max",
                                 .default_text = "100000",
                                 .accepts = "a number from 1 to 1000000",
                                 .help =
                                     "The same, of one account. Operators and root have no such "
                                     "limit."};
constexpr KeyInfo kPriorityMax{
    .reloads = true,
    .section = "queue",
    .name = "priority_max",
    .default_text = "0",
    .accepts = "a number from -1000 to 1000",
    .help =
        "The highest priority that users may give their jobs; operators may go up to 1000. Jobs of "
        "higher priority start first."};
constexpr KeyInfo kPlacement{
    .reloads = true,
    .section = "queue",
    .name = "placement",
    .default_text = "spread",
    .accepts = "spread or pack",
    .help =
        "Which worker a job gets among those that have room for it: the one with the most room "
        "(spread), or with the least (pack), which keeps others free for large jobs."};
constexpr KeyInfo kRetainTime{
    .reloads = true,
    .section = "history",
    .name = "retain_time",
    .default_text = "30d",
    .accepts = "a time from 1min to 3650d",
    .help =
        "How long a job is known after its end. Its output is the worker's, which has keys of the "
        "same kind."};
constexpr KeyInfo kRetainJobs{
    .reloads = true,
    .section = "history",
    .name = "retain_jobs",
    .default_text = "1000000",
    .accepts = "a number from 1 to 10000000",
    .help =
        "The most jobs that are kept after their end; beyond it the oldest go, but none within a "
        "minute after its end."};
constexpr KeyInfo kGroup{.section = "access",
                         .name = "group",
                         .default_text = "takt",
                         .accepts = "a group's name",
                         .help =
                             "Members may submit jobs over the unix socket, and see and stop "
                             "their own."};
constexpr KeyInfo kAdminGroup{
    .section = "access",
    .name = "admin_group",
    .default_text = "takt-admin",
    .accepts = "a group's name",
    .help = "Members may also see and stop the jobs of others. Root always may."};
constexpr KeyInfo kSee{
    .reloads = true,
    .section = "access",
    .name = "see",
    .default_text = "own",
    .accepts = "own or all",
    .help =
        "What users see of the jobs of others. own: that the job is there (id, name, state, users, "
        "times, resources, worker, and how it ended), but not its command, script, input, "
        "environment, labels and output. all: the same as its owner."};
constexpr KeyInfo kCompatListen{
    .section = "compat",
    .name = "listen",
    .default_note = "none; the old wire format is not spoken",
    .accepts = "number:port with commas between them",
    .help =
        "TCP addresses on which workers of the original design, package jobscheduler, register. "
        "That format is plain text: insecure = yes is needed."};
constexpr KeyInfo kCompatInsecure{
    .section = "compat",
    .name = "insecure",
    .default_text = "no",
    .accepts = "yes or no",
    .help =
        "Whether the addresses in listen may be served in plain text: whoever reaches them may "
        "register a worker, and is then given jobs."};
constexpr KeyInfo kCompatSlots{.section = "compat",
                               .name = "slots",
                               .default_text = "16",
                               .accepts = "a number from 1 to 1000",
                               .help = "How many jobs run at once on each old worker."};
}  // namespace scheduler_key

}  // namespace

const std::vector<Key<SchedulerConfig>>& scheduler_keys() {
  static const auto keys = with_tls<SchedulerConfig>({
      key<&SchedulerConfig::state_directory, parse_path>(scheduler_key::kStateDirectory),
      key<&SchedulerConfig::store_max_bytes, parse_bytes_in<1LL << 24, 1LL << 50>>(
          scheduler_key::kStoreMax),
      key<&SchedulerConfig::listen, parse_listen>(scheduler_key::kListen),
      key<&SchedulerConfig::insecure, parse_bool>(scheduler_key::kInsecure),
      key<&SchedulerConfig::log_level, parse_log_level>(scheduler_key::kLogLevel),
      key<&SchedulerConfig::worker_user, parse_account>(scheduler_key::kWorkerUser),
      key<&SchedulerConfig::unreachable_after, parse_seconds_in<10, kHour>>(
          scheduler_key::kUnreachableAfter),
      key<&SchedulerConfig::lost_after, parse_seconds_in<30, 24 * kHour>>(
          scheduler_key::kLostAfter),
      key<&SchedulerConfig::jobs_max, parse_integer_in<1, kJobsMost>>(scheduler_key::kJobsMax),
      key<&SchedulerConfig::jobs_of_user_max, parse_integer_in<1, kJobsMost>>(
          scheduler_key::kJobsOfUserMax),
      key<&SchedulerConfig::priority_max,
          parse_integer_in<-limits::kPriorityMax, limits::kPriorityMax>>(
          scheduler_key::kPriorityMax),
      key<&SchedulerConfig::placement, parse_placement>(scheduler_key::kPlacement),
      key<&SchedulerConfig::retain_time, parse_seconds_in<60, 3650 * 24 * kHour>>(
          scheduler_key::kRetainTime),
      key<&SchedulerConfig::retain_jobs, parse_integer_in<1, 10'000'000>>(
          scheduler_key::kRetainJobs),
      key<&SchedulerConfig::group, parse_account>(scheduler_key::kGroup),
      key<&SchedulerConfig::admin_group, parse_account>(scheduler_key::kAdminGroup),
      key<&SchedulerConfig::see, parse_seeing>(scheduler_key::kSee),
      key<&SchedulerConfig::connections_of_account_max,
          parse_integer_in<1, limits::kConnectionsMax>>(account_key::kConnectionsOfAccountMax),
      key<&SchedulerConfig::requests_of_account_max, parse_integer_in<1, limits::kRequestsMax>>(
          account_key::kRequestsOfAccountMax),
      key<&SchedulerConfig::requests_per_second_of_account_max,
          parse_integer_in<1, limits::kRequestsPerSecondMax>>(
          account_key::kRequestsPerSecondOfAccountMax),
      key<&SchedulerConfig::readers_of_account_max, parse_integer_in<1, limits::kFollowersMax>>(
          account_key::kReadersOfAccountMax),
      key<&SchedulerConfig::watchers_of_account_max, parse_integer_in<1, limits::kWatchersMax>>(
          account_key::kWatchersOfAccountMax),
      key<&SchedulerConfig::spec_bytes_of_account_max, parse_bytes_in<1LL << 20, 1LL << 40>>(
          account_key::kSpecBytesOfAccountMax),
      key<&SchedulerConfig::compat_listen, parse_tcp_listen>(scheduler_key::kCompatListen),
      key<&SchedulerConfig::compat_insecure, parse_bool>(scheduler_key::kCompatInsecure),
      key<&SchedulerConfig::compat_slots, parse_integer_in<1, limits::kOldSlotsMax>>(
          scheduler_key::kCompatSlots),
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
                   {"queue", "How jobs wait, and where they go."},
                   {"history", "What is kept of jobs that have ended."},
                   {"access", "Who may call it over its unix socket."},
                   account_key::kSection,
                   {"compat", "The original design's wire format, package jobscheduler."},
                   kTlsSection},
      .keys = infos_of(scheduler_keys()),
  };
  return file;
}

Result<void> complete(SchedulerConfig& config) {
  std::vector<Error> errors;
  for (const auto& checked :
       {complete_tls(config.tls, credentials_directory()),
        check_listen(config.listen, config.insecure || config.tls.given(), "scheduler.listen"),
        check_compat_listen(config.compat_listen, config.compat_insecure)})
    if (!checked) errors.push_back(checked.error());
  return joined(errors);
}

Result<SchedulerConfig> load_scheduler_config(const LoadOptions& options) {
  SchedulerConfig config;
  if (auto loaded = load_keys(scheduler_file(), options, assigner(scheduler_keys(), config));
      !loaded)
    return loaded.error();
  if (auto checked = complete(config); !checked) return checked.error();
  return config;
}

Result<Reloaded> reload_scheduler_config(const LoadOptions& options, SchedulerConfig& config) {
  const auto news = load_scheduler_config(options);
  if (!news) return news.error();
  return take_reloadable(scheduler_keys(), config, *news);
}

}  // namespace takt::config
