// SPDX-License-Identifier: Apache-2.0
// The table of worker.conf. A key stands here only once something honours it.
#include "config/account_keys.h"
#include "config/files.h"
#include "config/text.h"
#include "config/values.h"
#include "config/worker_access_keys.h"

namespace takt::config {
namespace {

Result<Launcher> parse_launcher(std::string_view text, std::string_view field) {
  for (Launcher launcher : {Launcher::kAuto, Launcher::kScope, Launcher::kCgroup})
    if (text == to_string(launcher)) return launcher;
  return invalid(std::string(field),
                 in_quotes(text) + " is not a launcher; accepted are auto, scope, cgroup");
}

Result<std::vector<Launcher>> parse_launchers(std::string_view text, std::string_view field) {
  std::vector<Launcher> launchers;
  for (std::string_view element : split_list(text)) {
    Result<Launcher> launcher = parse_launcher(element, field);
    if (!launcher || *launcher == Launcher::kAuto)
      return invalid(std::string(field), in_quotes(element) +
                                             " is not a launcher that a job can ask for; accepted "
                                             "are scope, cgroup");
    launchers.push_back(*launcher);
  }
  return launchers;
}

Result<DirectStarts> parse_direct(std::string_view text, std::string_view field) {
  if (text == "local") return DirectStarts::kLocal;
  if (text == "yes" || text == "no") return text == "yes" ? DirectStarts::kYes : DirectStarts::kNo;
  return invalid(std::string(field), in_quotes(text) + " is not one of yes, no, local");
}

Result<std::int64_t> parse_processors(std::string_view text, std::string_view field) {
  const auto millicores = parse_millicores(text, field);
  if (!millicores) return millicores.error();
  if (*millicores < limits::kCpuMinMillicores || *millicores > limits::kCpuMaxMillicores)
    return invalid(std::string(field), in_quotes(text) + " is not from 0.01 to 8192 processors");
  return *millicores;
}

namespace worker_key {
constexpr KeyInfo kName{
    .section = "worker",
    .name = "name",
    .default_note = "the host's name",
    .accepts = "letters, digits, '.', '_' and '-', at most 128",
    .help =
        "What people call this worker. It need not be unique, but had better be: a worker is "
        "known by the id in its state directory."};
constexpr KeyInfo kStateDirectory{
    .section = "worker",
    .name = "state_directory",
    .default_text = "/var/lib/takt",
    .accepts = "an absolute path",
    .help =
        "Where the worker's id, the records of jobs and their output are kept. Users whom jobs "
        "run as must be able to pass through it (mode 0711)."};
constexpr KeyInfo kLabels{
    .reloads = true,
    .section = "worker",
    .name = "labels",
    .default_note = "none",
    .accepts = "NAME=VALUE with commas between them, such as role=db, zone=a",
    .help = "What jobs can ask for in a worker, as in takt run --on role=db."};
constexpr KeyInfo kResources{
    .reloads = true,
    .section = "worker",
    .name = "resources",
    .default_note = "none",
    .accepts = "NAME=NUMBER with commas between them, such as gpu=2, license=10",
    .help =
        "Countable things that this worker has. A job asks for some of them with takt run "
        "--resource gpu=1, and no more are given out than there are. What they are is up to you: "
        "takt counts, and keeps nobody from using them."};
constexpr KeyInfo kListen{
    .section = "worker",
    .name = "listen",
    .default_note = "the inherited sockets; unix:/run/takt/worker.sock if there are none",
    .accepts = "unix:/path and number:port with commas between them",
    .help =
        "Addresses to listen on, for a worker started by hand. Under systemd "
        "takt-worker.socket alone has the addresses, and this key is refused."};
constexpr KeyInfo kInsecure{
    .section = "worker",
    .name = "insecure",
    .default_text = "no",
    .accepts = "yes or no",
    .help =
        "Whether TCP sockets may be served, and the scheduler called, in plain text: whoever "
        "reaches them may do everything. Without it and without [tls] a TCP socket is refused at "
        "start."};
constexpr KeyInfo kAddress{
    .section = "worker",
    .name = "address",
    .default_note = "the first unix socket in listen, else unix:/run/takt/worker.sock",
    .accepts = "unix:/path or host:port",
    .help =
        "Where the scheduler is told to reach this worker. It must be given where the scheduler "
        "is reached over TCP."};
constexpr KeyInfo kSupervisor{.section = "worker",
                              .name = "supervisor",
                              .default_note = "the one installed with the worker",
                              .accepts = "an absolute path",
                              .help = "The takt-supervisor program."};
constexpr KeyInfo kLogLevel{.reloads = true,
                            .section = "worker",
                            .name = "log_level",
                            .default_text = "info",
                            .accepts = "error, warning, notice, info or debug",
                            .help = "Less urgent lines of the worker's own log are dropped."};
constexpr KeyInfo kSchedulerAddress{
    .section = "scheduler",
    .name = "address",
    .default_text = "unix:/run/takt/scheduler.sock",
    .accepts = "unix:/path, host:port or none",
    .help = "Where to register. With none the worker serves those who call it directly."};
constexpr KeyInfo kSchedulerUser{
    .section = "scheduler",
    .name = "user",
    .default_text = "takt-scheduler",
    .accepts = "a user's name",
    .help = "Who calls as this user over the unix socket has the scheduler's role here."};
constexpr KeyInfo kLauncher{
    .section = "jobs",
    .name = "launcher",
    .default_text = "auto",
    .accepts = "auto, scope or cgroup",
    .help =
        "How a job gets its cgroup: as a systemd scope, or as a directory below one delegated "
        "unit, which starts several times as many jobs a second. auto is scope where systemd "
        "is PID 1, else cgroup."};
constexpr KeyInfo kAllowLauncher{
    .reloads = true,
    .section = "jobs",
    .name = "allow_launcher",
    .default_text = "scope, cgroup",
    .accepts = "scope and cgroup with commas between them, or nothing",
    .help = "Which launchers a job may ask for, beside the one above."};
constexpr KeyInfo kDefaultUser{
    .reloads = true,
    .section = "jobs",
    .name = "default_user",
    .default_text = "takt-job",
    .accepts = "a user's name",
    .help = "Whom a job runs as that names no user, where the caller's own is not known."};
constexpr KeyInfo kAllowRoot{.reloads = true,
                             .section = "jobs",
                             .name = "allow_root",
                             .default_text = "no",
                             .accepts = "yes or no",
                             .help = "Whether jobs may run as root, whoever asks."};
constexpr KeyInfo kUsers{
    .reloads = true,
    .section = "jobs",
    .name = "users",
    .default_text = "*",
    .accepts = "patterns (*, ?, [...]) with commas between them",
    .help =
        "The names of users that jobs may run as. A user with a uid below 1000 other than "
        "default_user, and each of takt's own users, must be named in full: no pattern stands for "
        "it. Root needs allow_root as well."};
constexpr KeyInfo kDeniedEnvironment{
    .reloads = true,
    .section = "jobs",
    .name = "denied_environment",
    .default_note = "none",
    .accepts = "patterns (*, ?, [...]) with commas between them, such as LD_*, PYTHON*",
    .help = "Names of environment variables that a job may not set. A job that does is refused."};
constexpr KeyInfo kCommands{
    .reloads = true,
    .section = "jobs",
    .name = "commands",
    .default_text = "*",
    .accepts = "patterns (*, ?, [...]) with commas between them, such as /srv/jobs/*",
    .help =
        "What jobs may run, by its absolute path. Where this is not *, a command must be given by "
        "such a path, and a job may not bring a script."};
constexpr KeyInfo kMemoryMax{
    .reloads = true,
    .section = "jobs",
    .name = "memory_max",
    .default_note = "none",
    .accepts = "a size from 1M to 1024T",
    .help =
        "The most memory that a job may ask for, and what one gets that asks for none. What a job "
        "may use at all is a matter of takt-jobs.slice."};
constexpr KeyInfo kCpusMax{.reloads = true,
                           .section = "jobs",
                           .name = "cpus_max",
                           .default_note = "none",
                           .accepts = "processors from 0.01 to 8192, such as 1.5",
                           .help = "The same for the processor time of a job."};
constexpr KeyInfo kTasksMax{.reloads = true,
                            .section = "jobs",
                            .name = "tasks_max",
                            .default_note = "4096; no limit where there is no pids controller",
                            .accepts = "a number from 1 to 4194304",
                            .help =
                                "Maximum number of processes and threads that a job may ask for, "
                                "and what one gets that asks for none."};
constexpr KeyInfo kTimeMax{.reloads = true,
                           .section = "jobs",
                           .name = "time_max",
                           .default_note = "none",
                           .accepts = "a time from 1s to 365d",
                           .help = "The same for the time that a job may run."};
constexpr KeyInfo kStartsAtOnce{
    .reloads = true,
    .section = "jobs",
    .name = "starts_at_once",
    .default_text = "32",
    .accepts = "a number from 1 to 1000",
    .help = "How many jobs may be in the course of being started; more wait for their turn."};
constexpr KeyInfo kSlots{
    .reloads = true,
    .section = "jobs",
    .name = "slots",
    .default_text = "0",
    .accepts = "a number from 0 to 100000",
    .help =
        "How many jobs the scheduler gives this worker at a time. 0 stands for 4 for each "
        "processor, at least 16."};
constexpr KeyInfo kOutputCap{
    .reloads = true,
    .section = "jobs",
    .name = "output_cap",
    .default_text = "1G",
    .accepts = "a size from 1M to 1T",
    .help =
        "The most that is kept of each of a job's two outputs; a job may ask for less. What "
        "comes after is counted and dropped, and the job's record says how much it was."};
constexpr KeyInfo kFreeMin{
    .reloads = true,
    .section = "jobs",
    .name = "free_min",
    .default_note = "a twentieth of the file system, at most 1G",
    .accepts = "a size from 0 to 1024T",
    .help =
        "What has to stay free, for users other than root, on the file system of the state "
        "directory. While less is free, the output of jobs is counted and not kept, and the job's "
        "record says how much it was. With 0 only root's reserve is kept free."};
constexpr KeyInfo kRetainTime{
    .reloads = true,
    .section = "jobs",
    .name = "retain_time",
    .default_text = "30d",
    .accepts = "a time from 1min to 3650d",
    .help =
        "How long the record and the output of a job are kept here after its end. What the "
        "scheduler has not yet acknowledged is kept until it has."};
constexpr KeyInfo kRetainBytes{
    .reloads = true,
    .section = "jobs",
    .name = "retain_bytes",
    .default_text = "10G",
    .accepts = "a size from 1M to 1024T",
    .help = "The most that all of them may take on disk; beyond it the oldest go."};
constexpr KeyInfo kRetainAttempts{
    .reloads = true,
    .section = "jobs",
    .name = "retain_attempts",
    .default_text = "100000",
    .accepts = "a number from 1 to 10000000",
    .help = "The most of them that are kept; beyond it the oldest go."};
constexpr KeyInfo kJournal{
    .reloads = true,
    .section = "jobs",
    .name = "journal",
    .default_text = "yes",
    .accepts = "yes or no",
    .help =
        "Whether the lines that jobs print also go to the journal. With no they never do; with "
        "yes a job may still ask for it not to be so."};
constexpr KeyInfo kCgroup{
    .section = "jobs",
    .name = "cgroup",
    .default_note = "takt- and the first 8 characters of the worker's id",
    .accepts = "letters, digits, '.', '_' and '-', at most 128",
    .help =
        "The directory right below the cgroup2 mount that the cgroup launcher makes for its "
        "jobs where systemd is not PID 1. Elsewhere it is not used."};
constexpr KeyInfo kCompatListen{
    .section = "compat",
    .name = "listen",
    .default_note = "none; the old wire format is not spoken",
    .accepts = "number:port with commas between them",
    .help =
        "TCP addresses on which this worker is a worker of package jobscheduler, for the "
        "conductor of the original design. That format is plain text: insecure = yes is needed."};
constexpr KeyInfo kCompatInsecure{
    .section = "compat",
    .name = "insecure",
    .default_text = "no",
    .accepts = "yes or no",
    .help =
        "Whether the addresses in listen may be served in plain text: whoever reaches them may "
        "run any command of this host on any file in scripts, as default_user in [jobs]."};
constexpr KeyInfo kCompatScripts{
    .section = "compat",
    .name = "scripts",
    .default_note = "none; it must be given where listen is",
    .accepts = "an absolute path",
    .help =
        "The folder that the old conductor's jobs run in, and their scripts are in. A path that "
        "leads out of it, by two dots or by a link, is refused."};
}  // namespace worker_key

}  // namespace

const std::vector<Key<WorkerConfig>>& worker_keys() {
  static const auto keys = with_tls<WorkerConfig>({
      key<&WorkerConfig::name, parse_name>(worker_key::kName),
      key<&WorkerConfig::state_directory, parse_path>(worker_key::kStateDirectory),
      key<&WorkerConfig::labels, parse_labels>(worker_key::kLabels),
      key<&WorkerConfig::resources, parse_counts>(worker_key::kResources),
      key<&WorkerConfig::listen, parse_listen>(worker_key::kListen),
      key<&WorkerConfig::insecure, parse_bool>(worker_key::kInsecure),
      key<&WorkerConfig::address, parse_address>(worker_key::kAddress),
      key<&WorkerConfig::supervisor, parse_path>(worker_key::kSupervisor),
      key<&WorkerConfig::log_level, parse_log_level>(worker_key::kLogLevel),
      key<&WorkerConfig::scheduler_address, parse_address_or_none>(worker_key::kSchedulerAddress),
      key<&WorkerConfig::scheduler_user, parse_account>(worker_key::kSchedulerUser),
      key<&WorkerConfig::group, parse_account>(worker_access_key::kGroup),
      key<&WorkerConfig::admin_group, parse_account>(worker_access_key::kAdminGroup),
      key<&WorkerConfig::direct, parse_direct>(worker_access_key::kDirect),
      key<&WorkerConfig::see, parse_seeing>(worker_access_key::kSee),
      key<&WorkerConfig::connections_of_account_max, parse_integer_in<1, limits::kConnectionsMax>>(
          account_key::kConnectionsOfAccountMax),
      key<&WorkerConfig::requests_of_account_max, parse_integer_in<1, limits::kRequestsMax>>(
          account_key::kRequestsOfAccountMax),
      key<&WorkerConfig::requests_per_second_of_account_max,
          parse_integer_in<1, limits::kRequestsPerSecondMax>>(
          account_key::kRequestsPerSecondOfAccountMax),
      key<&WorkerConfig::readers_of_account_max, parse_integer_in<1, limits::kFollowersMax>>(
          account_key::kReadersOfAccountMax),
      key<&WorkerConfig::launcher, parse_launcher>(worker_key::kLauncher),
      key<&WorkerConfig::allow_launcher, parse_launchers>(worker_key::kAllowLauncher),
      key<&WorkerConfig::default_user, parse_account>(worker_key::kDefaultUser),
      key<&WorkerConfig::allow_root, parse_bool>(worker_key::kAllowRoot),
      key<&WorkerConfig::users, parse_globs>(worker_key::kUsers),
      key<&WorkerConfig::denied_environment, parse_globs>(worker_key::kDeniedEnvironment),
      key<&WorkerConfig::commands, parse_globs>(worker_key::kCommands),
      key<&WorkerConfig::memory_max_bytes, parse_bytes_in<1LL << 20, 1LL << 50>>(
          worker_key::kMemoryMax),
      key<&WorkerConfig::cpus_max_millicores, parse_processors>(worker_key::kCpusMax),
      key<&WorkerConfig::tasks_max, parse_integer_in<1, limits::kTasksMax>>(worker_key::kTasksMax),
      key<&WorkerConfig::time_max, parse_seconds_in<1, 365LL * 86400>>(worker_key::kTimeMax),
      key<&WorkerConfig::starts_at_once, parse_integer_in<1, 1000>>(worker_key::kStartsAtOnce),
      key<&WorkerConfig::slots, parse_integer_in<0, 100'000>>(worker_key::kSlots),
      key<&WorkerConfig::output_cap_bytes, parse_bytes_in<1LL << 20, 1LL << 40>>(
          worker_key::kOutputCap),
      key<&WorkerConfig::free_min_bytes, parse_bytes_in<0, 1LL << 50>>(worker_key::kFreeMin),
      key<&WorkerConfig::retain_time, parse_seconds_in<60, 3650LL * 86400>>(
          worker_key::kRetainTime),
      key<&WorkerConfig::retain_bytes, parse_bytes_in<1LL << 20, 1LL << 50>>(
          worker_key::kRetainBytes),
      key<&WorkerConfig::retain_attempts, parse_integer_in<1, 10'000'000>>(
          worker_key::kRetainAttempts),
      key<&WorkerConfig::journal, parse_bool>(worker_key::kJournal),
      key<&WorkerConfig::cgroup, parse_name>(worker_key::kCgroup),
      key<&WorkerConfig::compat_listen, parse_tcp_listen>(worker_key::kCompatListen),
      key<&WorkerConfig::compat_insecure, parse_bool>(worker_key::kCompatInsecure),
      key<&WorkerConfig::compat_scripts, parse_path>(worker_key::kCompatScripts),
  });
  return keys;
}

const FileInfo& worker_file() {
  static const FileInfo file{
      .conf_name = "worker.conf",
      .program = "takt-worker",
      .program_section = "8",
      .summary = "configuration of the takt worker",
      .sections = {{"worker", "The worker itself."},
                   {"scheduler", "The scheduler that it works for."},
                   {"access", "Who may call it over its unix socket."},
                   account_key::kSection,
                   {"jobs",
                    "What jobs may do, and how they are run. This holds whoever asks, the "
                    "scheduler too."},
                   {"compat", "The original design's wire format, package jobscheduler."},
                   kTlsSection},
      .keys = infos_of(worker_keys()),
  };
  return file;
}

}  // namespace takt::config
