// SPDX-License-Identifier: Apache-2.0
#include "cli/spec_options.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error_list.h"
#include "base/fs.h"
#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "cli/invocation.h"
#include "cli/text.h"
#include "rpc/status.h"

namespace takt::cli {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 41> kOptionOfField{{
    {"spec.argv", "the command"},
    {"spec.name", "--name"},
    {"spec.user", "--user"},
    {"spec.group", "--group"},
    {"spec.working_directory", "--chdir"},
    {"spec.environment", "--env"},
    {"spec.script", "--script"},
    {"spec.constraints", "--on"},
    {"spec.labels", "--label"},
    {"spec.resources.memory_bytes", "--memory"},
    {"spec.resources.swap_bytes", "--swap"},
    {"spec.resources.cpu_millicores", "--cpus"},
    {"spec.resources.tasks", "--tasks"},
    {"spec.resources.counted", "--resource"},
    {"spec.priority", "--priority"},
    {"spec.not_before_time", "--not-before"},
    {"spec.queue_time_limit", "--queue-time"},
    {"spec.retry.max_attempts", "--attempts"},
    {"spec.retry.backoff", "--backoff"},
    {"spec.retry.on_lost", "--lease"},
    {"spec.retry", "--retry-on"},
    {"spec.array", "--array"},
    {"spec.one_per_worker", "--all"},
    {"spec.dependencies", "--after-success, --after-end, --after-failure"},
    {"spec.oom_policy", "--oom"},
    {"spec.run_time_limit", "--time"},
    {"spec.count_paused", "--count-paused"},
    {"spec.lease", "--lease"},
    {"spec.cpu_weight", "--cpu-weight"},
    {"spec.io_weight", "--io-weight"},
    {"spec.nice", "--nice"},
    {"spec.umask", "--umask"},
    {"spec.allow_new_privileges", "--allow-new-privileges"},
    {"spec.stop.signal", "--stop-signal"},
    {"spec.stop.target", "--stop-to"},
    {"spec.stop.grace", "--grace"},
    {"spec.launcher", "--launcher"},
    {"spec.journal", "--no-journal"},
    {"spec.output_cap_bytes", "--output-cap"},
    {"spec.stdin_data", "standard input"},
    {"spec", "the job"},
}};

// The API's strings are UTF-8; bytes that are not have no way through.
Result<void> check_utf8(const JobSpec& spec) {
  for (std::size_t i = 0; i < spec.argv.size(); ++i)
    if (!is_utf8(spec.argv[i]))
      return invalid("the command", "word " + std::to_string(i + 1) + " (" +
                                        in_quotes(clean_text(spec.argv[i], 64)) +
                                        ") is not UTF-8; only UTF-8 is accepted");
  for (const EnvironmentVariable& variable : spec.environment)
    if (!is_utf8(variable.name) || !is_utf8(variable.value))
      return invalid("--env", in_quotes(clean_text(variable.name, 64)) +
                                  " is not UTF-8; only UTF-8 is accepted");
  for (const auto& [option, text] : {std::pair{"--chdir", spec.working_directory},
                                     {"--user", spec.user},
                                     {"--group", spec.group}})
    if (!is_utf8(text))
      return invalid(option,
                     in_quotes(clean_text(text, 64)) + " is not UTF-8; only UTF-8 is accepted");
  return {};
}

Result<std::string> read_script(const std::string& path) {
  auto text = read_file(AT_FDCWD, path, limits::kSpecMaxBytes);
  if (!text) return text.error().in("--script");
  if (text->empty()) return invalid("--script", in_quotes(path) + " is empty");
  return text;
}

}  // namespace

Result<Labels> parse_labels(const std::vector<std::string>& texts) {
  Labels labels;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
      return invalid("--label", in_quotes(text) + " is not KEY=VALUE");
    if (!labels.emplace(text.substr(0, equals), text.substr(equals + 1)).second)
      return invalid("--label", in_quotes(text.substr(0, equals)) + " is given twice");
  }
  return labels;
}

std::string option_of_field(const std::string& field) {
  for (const auto& [name, option] : kOptionOfField) {
    const bool below = field.starts_with(name) && field.size() > name.size() &&
                       (field[name.size()] == '.' || field[name.size()] == '[');
    if (field == name || (below && name != "spec")) return std::string(option);
  }
  return "";
}

Result<int> parse_signal(const std::string& text, const std::string& field) {
  if (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    auto number = parse_integer(text, field, 1, SIGRTMAX);
    if (!number) return number.error();
    return static_cast<int>(*number);
  }
  const std::string name = text.starts_with("SIG") ? text.substr(3) : text;
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) {
    const int up = signal - SIGRTMIN;
    const int down = SIGRTMAX - signal;
    if (name == (up == 0 ? "RTMIN" : "RTMIN+" + std::to_string(up))) return signal;
    if (name == (down == 0 ? "RTMAX" : "RTMAX-" + std::to_string(down))) return signal;
  }
  return invalid(field, in_quotes(text) +
                            " is not a signal; write for example TERM, SIGINT, RTMIN+3 "
                            "or 15");
}

Result<Constraint> parse_constraint(const std::string& text) {
  Constraint constraint;
  const std::size_t equals = text.find('=');
  const bool differs = equals != std::string::npos && equals > 0 && text[equals - 1] == '!';
  constraint.key = text.substr(0, differs ? equals - 1 : equals);
  if (constraint.key.empty())
    return invalid("--on", in_quotes(text) +
                               " is not a condition; write KEY=VALUE, KEY=ONE,OTHER, KEY!=VALUE or "
                               "KEY");
  if (equals == std::string::npos) {
    constraint.op = ConstraintOperator::kExists;
    return constraint;
  }
  std::string_view rest = std::string_view(text).substr(equals + 1);
  while (true) {
    const std::size_t comma = rest.find(',');
    constraint.values.emplace_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  const bool several = constraint.values.size() > 1;
  if (differs && several)
    return invalid("--on", in_quotes(text) +
                               " excludes several values at once; write one --on for "
                               "each, as in --on KEY!=A --on KEY!=B");
  if (several) constraint.op = ConstraintOperator::kIn;
  if (differs) constraint.op = ConstraintOperator::kNotEqual;
  return constraint;
}

void SpecOptions::declare(Invocation& call) {
  call.option("--name", "NAME", name_, "A name for the job; need not be unique.");
  call.repeated(
      "--on", "KEY=VALUE", on_,
      "Only on workers with this label; also KEY!=VALUE, KEY=A,B (one of them) and KEY (it "
      "is there). worker=NAME names one. May be repeated: all must hold.");
  call.option("--user", "USER", user_, "The user to run as.");
  call.option("--group", "GROUP", group_, "The group to run as (the user's own).");
  call.option("-D,--chdir", "FOLDER", chdir_,
              "The working directory, on the worker (the user's home).");
  call.repeated("-E,--env", "NAME=VALUE", environment_,
                "A variable of the job's environment; NAME alone copies it from here. May be "
                "repeated. Nothing else is taken from here.");
  call.option("--script", "FILE", script_,
              "Send this script along and run it; what follows is its arguments. Its first line is "
              "#! and an interpreter of the worker.");
  call.flag("-n,--no-stdin", no_stdin_, "Do not send standard input along.");
  call.repeated("--label", "KEY=VALUE", labels_, "A label of the job itself. May be repeated.");
  call.repeated("--reader", "ACCOUNT", readers_,
                "An account that may see all of it and its output. May be repeated.");
  resources_.declare(call);
  waiting_.declare(call);
  parts_.declare(call);
  call.option("--stop-signal", "SIGNAL", stop_signal_,
              "What asks the job to stop, by name or number (TERM).");
  call.option("--stop-to", "all|leader", stop_to_,
              "Who gets that signal: every process (all), or the command alone.");
  call.option("--grace", "TIME", grace_, "Time between that signal and SIGKILL (10s).");
  call.option("--launcher", "scope|cgroup", launcher_,
              "Where the job's cgroup comes from (the worker's choice).");
  call.flag("--no-journal", no_journal_, "Keep the output out of the worker's journal.");
  call.option("--output-cap", "SIZE", output_cap_,
              "Bytes kept of each output stream (the worker's default, 1G).");
}

Result<void> SpecOptions::read_stop(StopPolicy& stop) const {
  if (!stop_signal_.empty()) {
    auto signal = parse_signal(stop_signal_, "--stop-signal");
    if (!signal) return signal.error();
    stop.signal = *signal;
  }
  if (!stop_to_.empty() && stop_to_ != "all" && stop_to_ != "leader")
    return invalid("--stop-to", in_quotes(stop_to_) + " is not known; write all or leader");
  if (stop_to_ == "leader") stop.target = StopTarget::kLeader;
  if (!grace_.empty()) {
    auto grace = parse_duration(grace_, "--grace");
    if (!grace) return grace.error();
    if (*grace > limits::kStopGraceMax)
      return invalid("--grace", in_quotes(grace_) + " is too long; up to 24h is accepted");
    stop.grace = *grace;
  }
  return {};
}

Result<void> SpecOptions::read_kind(JobSpec& spec) const {
  if (launcher_ == "scope") spec.launcher = Launcher::kScope;
  if (launcher_ == "cgroup") spec.launcher = Launcher::kCgroup;
  if (!launcher_.empty() && spec.launcher == Launcher::kDefault)
    return invalid("--launcher", in_quotes(launcher_) + " is not known; write scope or cgroup");
  if (no_journal_) spec.journal = false;
  if (output_cap_.empty()) return {};
  auto cap = parse_bytes(output_cap_, "--output-cap");
  if (!cap) return cap.error();
  if (*cap == 0) return invalid("--output-cap", in_quotes(output_cap_) + " is not above 0");
  spec.output_cap_bytes = *cap;
  return {};
}

Result<void> SpecOptions::read_pairs(JobSpec& spec, const Io& io) const {
  for (const std::string& text : environment_) {
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) {
      spec.environment.push_back({text.substr(0, equals), text.substr(equals + 1)});
      continue;
    }
    const auto here = io.environment ? io.environment(text) : std::nullopt;
    if (!here)
      return invalid("--env", in_quotes(text) + " is not set here; set it, or write NAME=VALUE");
    spec.environment.push_back({text, *here});
  }
  for (const std::string& text : on_) {
    auto constraint = parse_constraint(text);
    if (!constraint) return constraint.error();
    spec.constraints.push_back(std::move(*constraint));
  }
  auto labels = parse_labels(labels_);
  if (!labels) return labels.error();
  spec.labels = std::move(*labels);
  spec.readers = readers_;
  return {};
}

Result<JobSpec> SpecOptions::build(const std::vector<std::string>& command, const Io& io) const {
  JobSpec spec;
  spec.name = name_;
  spec.argv = command;
  spec.user = user_;
  spec.group = group_;
  spec.working_directory = chdir_;
  if (!script_.empty()) {
    auto script = read_script(script_);
    if (!script) return script.error();
    spec.script = std::move(*script);
  }
  ErrorList errors;
  for (const auto& read :
       {resources_.read(spec), waiting_.read(spec, wall_now()), parts_.read(spec),
        read_stop(spec.stop), read_kind(spec), read_pairs(spec, io)})
    errors.add(read);
  // What could not be read is at its default, which is good.
  const auto utf8 = check_utf8(spec);
  errors.add(utf8 ? validate_spec(spec) : utf8);
  if (auto good = errors.result(); !good) return good.error();
  return spec;
}

}  // namespace takt::cli
