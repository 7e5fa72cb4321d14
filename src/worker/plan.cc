// SPDX-License-Identifier: Apache-2.0
#include "worker/plan.h"

#include <sys/resource.h>

#include "attempt/folder.h"
#include "base/limits.h"
#include "base/printable.h"

namespace takt::worker {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::uint64_t kNoFileSoft = 1024;
constexpr std::uint64_t kNoFileHard = 524288;

// A job starts with the limits of PID 1, as a service does, whatever this daemon was given. Where
// the supervisor may not raise them (a container), what it has stays: none of them is required.
std::vector<attempt::ResourceLimit> resource_limits() {
  std::vector<attempt::ResourceLimit> limits;
  for (int resource = 0; resource < static_cast<int>(RLIMIT_NLIMITS); ++resource) {
    rlimit limit{};
    if (::prlimit(1, static_cast<__rlimit_resource>(resource), nullptr, &limit) != 0) continue;
    limits.push_back({.resource = resource, .soft = limit.rlim_cur, .hard = limit.rlim_max});
    if (resource == RLIMIT_NOFILE) {
      limits.back().soft = kNoFileSoft;
      limits.back().hard = kNoFileHard;
    }
  }
  return limits;
}

// The environment: ours first, the spec's over it, and last what says which job it is.
std::vector<std::string> make_environment(const PlanInput& input, std::string& search_path) {
  std::map<std::string, std::string> variables{
      {"PATH", kDefaultPath},
      {"HOME", input.identity.home},
      {"USER", input.identity.name},
      {"LOGNAME", input.identity.name},
      {"SHELL", input.identity.shell.empty() ? "/bin/sh" : input.identity.shell},
  };
  for (const EnvironmentVariable& variable : input.spec.environment)
    variables[variable.name] = variable.value;
  variables["TAKT_JOB_ID"] = input.id.job_id.str();
  variables["TAKT_ATTEMPT"] = std::to_string(input.id.number);
  variables["TAKT_WORKER"] = input.config.name;
  search_path = variables["PATH"];
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  return environment;
}

attempt::CgroupLimits limits_of(const JobSpec& spec) {
  const auto count = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  return {.memory_bytes = count(spec.resources.memory_bytes),
          .swap_bytes = count(spec.resources.swap_bytes.value_or(0)),
          .oom_group = spec.oom_policy == OomPolicy::kJob,
          .tasks = count(spec.resources.tasks),
          .cpu_millicores = count(spec.resources.cpu_millicores),
          .cpu_weight = count(spec.cpu_weight),
          .io_weight = count(spec.io_weight)};
}

// Never a bare name: a line of job "sshd" would pass for one of sshd.
std::string identifier_of(const JobSpec& spec, const std::vector<std::string>& argv) {
  std::string name = spec.name;
  if (name.empty()) name = spec.script.empty() ? argv[0].substr(argv[0].rfind('/') + 1) : "script";
  name = printable(name.substr(0, limits::kNameMaxBytes / 4)).substr(0, limits::kNameMaxBytes);
  return "takt/" + name;
}

}  // namespace

Result<std::vector<std::string>> script_interpreter(const std::string& script) {
  const std::string line = script.substr(0, script.find('\n'));
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  std::size_t begin = 2;
  while (begin < line.size() && is_blank(line[begin])) ++begin;
  std::size_t end = begin;
  while (end < line.size() && !is_blank(line[end])) ++end;
  if (!line.starts_with("#!") || begin == end || line[begin] != '/')
    return invalid("spec.script", "its first line is \"" + line.substr(0, 64) +
                                      "\"; it must be \"#!\" and the absolute path of an "
                                      "interpreter");
  std::vector<std::string> words{line.substr(begin, end - begin)};
  while (end < line.size() && is_blank(line[end])) ++end;
  std::size_t last = line.size();
  while (last > end && is_blank(line[last - 1])) --last;
  if (last > end) words.push_back(line.substr(end, last - end));
  return words;
}

Result<attempt::LaunchPlan> make_plan(const PlanInput& input) {
  const JobSpec& spec = input.spec;
  attempt::LaunchPlan plan;
  plan.job_id = input.id.job_id.str();
  plan.attempt = static_cast<std::uint32_t>(input.id.number);
  plan.unit = attempt::unit_name({.job_id = input.id.job_id, .number = plan.attempt});
  plan.uid = input.identity.uid;
  plan.gid = input.identity.gid;
  plan.groups = input.identity.groups;
  if (!spec.script.empty()) {
    auto interpreter = script_interpreter(spec.script);
    if (!interpreter) return interpreter.error();
    plan.argv = std::move(*interpreter);
    plan.argv.push_back(input.script_path);
  }
  plan.argv.insert(plan.argv.end(), spec.argv.begin(), spec.argv.end());
  plan.environment = make_environment(input, plan.search_path);
  plan.working_directory = spec.working_directory;
  if (spec.working_directory.empty()) {
    if (!input.identity.home.empty()) plan.fallback_directories.push_back(input.identity.home);
    plan.fallback_directories.emplace_back("/");
  }
  plan.umask = spec.umask.value_or(plan.umask);
  plan.nice = spec.nice;
  plan.no_new_privs = !spec.allow_new_privileges;
  plan.stdin_data = spec.stdin_data;
  plan.rlimits = resource_limits();
  plan.limits = limits_of(spec);
  plan.run_time_limit = spec.run_time_limit;
  plan.count_paused = spec.count_paused;
  if (spec.lease) {
    plan.lease = spec.lease;
    plan.contact_path = input.contact_path;
    plan.last_contact = input.last_contact;
  }
  plan.stop_signal = spec.stop.signal;
  plan.stop_target = spec.stop.target == StopTarget::kLeader ? attempt::StopTarget::kLeader
                                                             : attempt::StopTarget::kAll;
  plan.grace = spec.stop.grace;
  plan.output_cap_bytes = spec.output_cap_bytes != 0
                              ? spec.output_cap_bytes
                              : static_cast<std::uint64_t>(input.config.output_cap_bytes);
  if (input.config.free_min_bytes)
    plan.free_min_bytes = static_cast<std::uint64_t>(*input.config.free_min_bytes);
  plan.journal = input.config.journal && spec.journal.value_or(true);
  plan.syslog_identifier = identifier_of(spec, plan.argv);
  return plan;
}

}  // namespace takt::worker
