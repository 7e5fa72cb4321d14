// SPDX-License-Identifier: Apache-2.0
#include "job/spec.h"

#include <algorithm>
#include <csignal>
#include <numeric>
#include <set>

#include "base/limits.h"
#include "base/units.h"

namespace takt {
namespace {

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool is_name_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') ||
         std::string_view("._-:@").find(c) != std::string_view::npos;
}

Result<void> validate_command(const JobSpec& spec) {
  if (spec.argv.empty() && spec.script.empty())
    return invalid("spec.argv", "is empty; give a command, or a script");
  if (spec.argv.size() > limits::kArgvMax)
    return invalid("spec.argv", "has " + std::to_string(spec.argv.size()) + " elements; at most " +
                                    std::to_string(limits::kArgvMax) + " are accepted");
  for (std::size_t i = 0; i < spec.argv.size(); ++i) {
    const std::string field = "spec.argv[" + std::to_string(i) + "]";
    if (has_nul(spec.argv[i]))
      return invalid(field, "holds a NUL byte, which no program could be given");
  }
  if (spec.script.empty()) {
    if (spec.argv[0].empty()) return invalid("spec.argv[0]", "is empty; give a program");
    return {};
  }
  if (!spec.script.starts_with("#!"))
    return invalid("spec.script",
                   "does not begin with \"#!\" and an interpreter, such as \"#!/bin/sh\"");
  return {};
}

Result<void> validate_environment(const JobSpec& spec) {
  if (spec.environment.size() > limits::kEnvironmentMax)
    return invalid("spec.environment",
                   "has " + std::to_string(spec.environment.size()) + " variables; at most " +
                       std::to_string(limits::kEnvironmentMax) + " are accepted");
  std::set<std::string_view> seen;
  for (const EnvironmentVariable& variable : spec.environment) {
    if (variable.name.empty() || has_nul(variable.name) ||
        variable.name.find('=') != std::string::npos)
      return invalid("spec.environment", "\"" + variable.name +
                                             "\" is not a variable's name; it must not be empty "
                                             "and not hold \"=\" or NUL");
    if (has_nul(variable.value))
      return invalid("spec.environment", "the value of " + variable.name + " holds a NUL byte");
    if (!seen.insert(variable.name).second)
      return invalid("spec.environment", variable.name + " is given twice");
  }
  return {};
}

Result<void> validate_stop(const StopPolicy& stop) {
  if (stop.signal < 1 || stop.signal > SIGRTMAX)
    return invalid("spec.stop.signal", std::to_string(stop.signal) + " is not a signal; 1 to " +
                                           std::to_string(SIGRTMAX) + " are accepted");
  if (stop.grace < microseconds(0) || stop.grace > limits::kStopGraceMax)
    return invalid("spec.stop.grace", format_duration(stop.grace) + " is not from 0 to 24h");
  return {};
}

Result<void> check_range(std::int64_t value, std::int64_t low, std::int64_t high,
                         const std::string& field) {
  if (value == 0 || (value >= low && value <= high)) return {};
  return invalid(field, std::to_string(value) + " is not from " + std::to_string(low) + " to " +
                            std::to_string(high) + ", nor 0 for the default");
}

Result<void> validate_resources(const JobSpec& spec) {
  const Resources& asked = spec.resources;
  const Result<void> checks[]{
      check_range(asked.cpu_millicores, limits::kCpuMinMillicores, limits::kCpuMaxMillicores,
                  "spec.resources.cpu_millicores"),
      check_range(asked.memory_bytes, limits::kMemoryMinBytes, limits::kMemoryMaxBytes,
                  "spec.resources.memory_bytes"),
      check_range(asked.swap_bytes.value_or(0), 0, limits::kMemoryMaxBytes,
                  "spec.resources.swap_bytes"),
      check_range(asked.tasks, 1, limits::kTasksMax, "spec.resources.tasks"),
      check_range(spec.cpu_weight, 1, limits::kWeightMax, "spec.cpu_weight"),
      check_range(spec.io_weight, 1, limits::kWeightMax, "spec.io_weight"),
  };
  for (const Result<void>& check : checks)
    if (!check) return check;
  if (asked.counted.size() > limits::kLabelsMax)
    return invalid("spec.resources.counted",
                   "names " + std::to_string(asked.counted.size()) + " things; at most " +
                       std::to_string(limits::kLabelsMax) + " are accepted");
  for (const auto& [name, count] : asked.counted) {
    if (auto good = validate_name(name, "spec.resources.counted"); !good) return good;
    if (count < 1 || count > limits::kCountedMax)
      return invalid(
          "spec.resources.counted." + name,
          std::to_string(count) + " is not from 1 to " + std::to_string(limits::kCountedMax));
  }
  if (asked.swap_bytes && asked.memory_bytes == 0)
    return invalid("spec.resources.swap_bytes",
                   "is given without a memory limit; give both, or neither");
  return {};
}

Result<void> validate_running(const JobSpec& spec) {
  if (spec.run_time_limit &&
      (*spec.run_time_limit <= microseconds(0) || *spec.run_time_limit > limits::kRunTimeLimitMax))
    return invalid("spec.run_time_limit",
                   format_duration(*spec.run_time_limit) + " is not above 0, up to 365 days");
  if (spec.count_paused && !spec.run_time_limit)
    return invalid("spec.count_paused", "is given without a run time limit; give both, or neither");
  if (spec.lease && (*spec.lease < limits::kLeaseMin || *spec.lease > limits::kLeaseMax))
    return invalid("spec.lease", format_duration(*spec.lease) + " is not from 10s to 365 days");
  if (spec.nice < -20 || spec.nice > 19)
    return invalid("spec.nice", std::to_string(spec.nice) + " is not from -20 to 19");
  if (spec.umask.value_or(0) > 0777)
    return invalid("spec.umask", std::to_string(*spec.umask) + " is not from 0 to 0777 (511)");
  return {};
}

Result<void> validate_waiting(const JobSpec& spec) {
  if (auto good = validate_priority(spec.priority, "spec.priority"); !good) return good;
  if (spec.queue_time_limit && (*spec.queue_time_limit <= microseconds(0) ||
                                *spec.queue_time_limit > limits::kQueueTimeLimitMax))
    return invalid("spec.queue_time_limit",
                   format_duration(*spec.queue_time_limit) + " is not above 0, up to 365 days");
  if (spec.retry) {
    if (auto retry = validate_retry(*spec.retry); !retry) return retry;
    if (spec.retry->on_lost && !spec.lease)
      return invalid("spec.retry.on_lost",
                     "is given without a lease; give both, or neither, for without a lease the "
                     "lost attempt may still run");
  }
  if (spec.not_before && to_unix_us(*spec.not_before) < 0)
    return invalid("spec.not_before_time", "is before 1970");
  return {};
}

Result<void> validate_constraints(const std::vector<Constraint>& constraints) {
  if (constraints.size() > limits::kLabelsMax)
    return invalid("spec.constraints", "there are " + std::to_string(constraints.size()) +
                                           "; at most " + std::to_string(limits::kLabelsMax) +
                                           " are accepted");
  for (const Constraint& constraint : constraints) {
    auto key = validate_name(constraint.key, "spec.constraints.key");
    if (!key) return key;
    const std::size_t count = constraint.values.size();
    bool good = count == 1;
    if (constraint.op == ConstraintOperator::kExists) good = count == 0;
    if (constraint.op == ConstraintOperator::kIn) good = count >= 1 && count <= limits::kLabelsMax;
    if (!good)
      return invalid("spec.constraints.values",
                     "label " + constraint.key + " is compared with " + std::to_string(count) +
                         " values; EQUAL and NOT_EQUAL take one, IN one or more, EXISTS none");
  }
  return {};
}

}  // namespace

Result<void> validate_priority(int priority, const std::string& field) {
  if (priority >= -limits::kPriorityMax && priority <= limits::kPriorityMax) return {};
  return invalid(field, std::to_string(priority) + " is not from -" +
                            std::to_string(limits::kPriorityMax) + " to " +
                            std::to_string(limits::kPriorityMax));
}

Result<void> validate_name(const std::string& name, const std::string& field) {
  const bool good = !name.empty() && name.size() <= limits::kNameMaxBytes &&
                    std::all_of(name.begin(), name.end(), is_name_character);
  if (good) return {};
  return invalid(field,
                 "\"" + name.substr(0, limits::kNameMaxBytes) +
                     "\" is not a name; 1 to 128 letters, digits and \"._-:@\" are accepted");
}

Result<void> validate_labels(const Labels& labels, const std::string& field) {
  if (labels.size() > limits::kLabelsMax)
    return invalid(field, "there are " + std::to_string(labels.size()) + " labels; at most " +
                              std::to_string(limits::kLabelsMax) + " are accepted");
  for (const auto& [key, value] : labels) {
    auto good = validate_name(key, field);
    if (good && !value.empty()) good = validate_name(value, field + "." + key);
    if (!good) return good;
  }
  return {};
}

Result<void> validate_spec(const JobSpec& spec) {
  if (!spec.name.empty()) {
    auto name = validate_name(spec.name, "spec.name");
    if (!name) return name;
  }
  if (auto command = validate_command(spec); !command) return command;
  if (auto environment = validate_environment(spec); !environment) return environment;
  const std::string& folder = spec.working_directory;
  if (!folder.empty() && (folder.front() != '/' || has_nul(folder)))
    return invalid("spec.working_directory",
                   "\"" + folder + "\" is not an absolute path; it must begin with \"/\"");
  if (has_nul(spec.user)) return invalid("spec.user", "holds a NUL byte");
  if (has_nul(spec.group)) return invalid("spec.group", "holds a NUL byte");
  if (auto resources = validate_resources(spec); !resources) return resources;
  if (auto running = validate_running(spec); !running) return running;
  if (auto waiting = validate_waiting(spec); !waiting) return waiting;
  if (auto stop = validate_stop(spec.stop); !stop) return stop;
  if (auto constraints = validate_constraints(spec.constraints); !constraints) return constraints;
  if (auto labels = validate_labels(spec.labels, "spec.labels"); !labels) return labels;
  const std::size_t size = encode_spec(spec).size();
  if (size > limits::kSpecMaxBytes)
    return invalid("spec", "takes " + std::to_string(size) + " bytes; at most " +
                               std::to_string(limits::kSpecMaxBytes) +
                               " are accepted (script, stdin_data and environment included)");
  return {};
}

bool constraints_hold(const std::vector<Constraint>& constraints, const Labels& worker_labels) {
  return std::all_of(constraints.begin(), constraints.end(), [&](const Constraint& constraint) {
    const auto label = worker_labels.find(constraint.key);
    const bool there = label != worker_labels.end();
    const bool among = there && std::find(constraint.values.begin(), constraint.values.end(),
                                          label->second) != constraint.values.end();
    switch (constraint.op) {
      case ConstraintOperator::kEqual:
      case ConstraintOperator::kIn:
        return among;
      case ConstraintOperator::kNotEqual:
        return !among;
      case ConstraintOperator::kExists:
        return there;
    }
    return false;
  });
}

std::string command_line(const JobSpec& spec) {
  std::string line = spec.script.empty() ? "" : "(script)";
  for (const std::string& argument : spec.argv) {
    const bool plain =
        !argument.empty() && std::all_of(argument.begin(), argument.end(), [](char c) {
          return is_name_character(c) ||
                 std::string_view("/=+,%").find(c) != std::string_view::npos;
        });
    if (!line.empty()) line += ' ';
    if (plain) {
      line += argument;
      continue;
    }
    line += '\'';
    for (char c : argument) {
      if (c == '\'') {
        line += "'\\''";
      } else {
        line += c;
      }
    }
    line += '\'';
  }
  return line;
}

}  // namespace takt
