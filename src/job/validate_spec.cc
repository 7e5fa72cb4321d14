// SPDX-License-Identifier: Apache-2.0
// Whether a spec can be accepted: each field is judged, so that all that is wrong is told at once.
#include <algorithm>
#include <csignal>
#include <numeric>
#include <set>

#include "base/error_list.h"
#include "base/limits.h"
#include "base/units.h"
#include "base/utf8.h"
#include "job/spec.h"

namespace takt {
namespace {

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::string at_most(std::size_t most) {
  return "; at most " + std::to_string(most) + " are accepted";
}

// What is shown of a text that may be very long.
std::string shown(std::string_view text) { return "\"" + clean_text(text, 64) + "\""; }

// What no text of a spec may be; false where it is.
bool check_text(const std::string& text, std::size_t most, const std::string& field,
                ErrorList& errors) {
  if (text.size() > most) {
    errors.add(invalid(field, "has " + std::to_string(text.size()) + " bytes" + at_most(most)));
  } else if (has_nul(text)) {
    errors.add(invalid(field, "holds a NUL byte, which no program could be given"));
  } else if (!is_utf8(text)) {
    errors.add(invalid(field, shown(text) + " is not UTF-8"));
  } else {
    return true;
  }
  return false;
}

// The kernel takes no path with a longer name in it.
void check_path(const std::string& path, const std::string& field, ErrorList& errors) {
  if (!check_text(path, limits::kPathMaxBytes, field, errors)) return;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end - begin > limits::kPathNameMaxBytes)
      return errors.add(invalid(field, "has a name of " + std::to_string(end - begin) + " bytes" +
                                           at_most(limits::kPathNameMaxBytes)));
    begin = end + 1;
  }
}

// The first line as the kernel reads it.
void validate_script(const std::string& script, ErrorList& errors) {
  const std::string field = "spec.script";
  if (!script.starts_with("#!"))
    return errors.add(
        invalid(field, "does not begin with \"#!\" and an interpreter, such as \"#!/bin/sh\""));
  const std::size_t begin = script.find_first_not_of(" \t", 2);
  const std::size_t end = std::min(script.find_first_of(" \t\n", begin), script.size());
  if (begin == std::string::npos || begin >= end || script[begin] == '\0')
    return errors.add(
        invalid(field, "names no interpreter after \"#!\"; begin with \"#!/bin/sh\", say"));
  if (script[end - 1] == '\r')
    errors.add(invalid(field,
                       "has lines that end with a carriage return; the kernel takes it for a "
                       "part of the interpreter's name"));
  if (end > limits::kInterpreterMaxBytes)
    errors.add(invalid(field, "has an interpreter that ends after " + std::to_string(end) +
                                  " bytes" + at_most(limits::kInterpreterMaxBytes)));
}

void validate_command(const JobSpec& spec, ErrorList& errors) {
  if (spec.argv.empty() && spec.script.empty())
    errors.add(invalid("spec.argv", "is empty; give a command, or a script"));
  if (spec.argv.size() > limits::kArgvMax)
    errors.add(invalid("spec.argv", "has " + std::to_string(spec.argv.size()) + " elements" +
                                        at_most(limits::kArgvMax)));
  const bool program = spec.script.empty();
  for (std::size_t i = 0; i < spec.argv.size(); ++i) {
    const std::string field = "spec.argv[" + std::to_string(i) + "]";
    if (i > 0 || !program) {
      check_text(spec.argv[i], limits::kArgumentMaxBytes, field, errors);
    } else if (spec.argv[i].empty()) {
      errors.add(invalid(field, "is empty; give a program"));
    } else {
      check_path(spec.argv[i], field, errors);
    }
  }
  if (!program) validate_script(spec.script, errors);
}

void validate_environment(const JobSpec& spec, ErrorList& errors) {
  const std::string field = "spec.environment";
  if (spec.environment.size() > limits::kEnvironmentMax)
    errors.add(invalid(field, "has " + std::to_string(spec.environment.size()) + " variables" +
                                  at_most(limits::kEnvironmentMax)));
  std::set<std::string_view> seen;
  for (const EnvironmentVariable& variable : spec.environment) {
    const std::string& name = variable.name;
    if (name.empty() || has_nul(name) || name.find('=') != std::string::npos)
      errors.add(invalid(field, shown(name) + " is not a variable's name; it must not be empty "
                                              "and not hold \"=\" or NUL"));
    if (has_nul(variable.value))
      errors.add(invalid(field, "the value of " + shown(name) + " holds a NUL byte"));
    if (!is_utf8(name) || !is_utf8(variable.value))
      errors.add(invalid(field, "the variable " + shown(name) + " is not UTF-8"));
    // As the program gets it: NAME=VALUE.
    if (const std::size_t bytes = name.size() + 1 + variable.value.size();
        bytes > limits::kArgumentMaxBytes)
      errors.add(invalid(field, "the variable " + shown(name) + " takes " + std::to_string(bytes) +
                                    " bytes" + at_most(limits::kArgumentMaxBytes)));
    if (!seen.insert(name).second) errors.add(invalid(field, shown(name) + " is given twice"));
  }
}

void validate_stop(const StopPolicy& stop, ErrorList& errors) {
  if (stop.signal < 1 || stop.signal > SIGRTMAX)
    errors.add(invalid("spec.stop.signal", std::to_string(stop.signal) + " is not a signal; 1 to " +
                                               std::to_string(SIGRTMAX) + " are accepted"));
  if (stop.grace < microseconds(0) || stop.grace > limits::kStopGraceMax)
    errors.add(invalid("spec.stop.grace", format_duration(stop.grace) + " is not from 0 to 24h"));
}

Result<void> check_range(std::int64_t value, std::int64_t low, std::int64_t high,
                         const std::string& field) {
  if (value == 0 || (value >= low && value <= high)) return {};
  return invalid(field, std::to_string(value) + " is not from " + std::to_string(low) + " to " +
                            std::to_string(high) + ", nor 0 for the default");
}

void validate_resources(const JobSpec& spec, ErrorList& errors) {
  const Resources& asked = spec.resources;
  const std::string prefix = "spec.resources.";
  errors.add(check_range(asked.cpu_millicores, limits::kCpuMinMillicores, limits::kCpuMaxMillicores,
                         prefix + "cpu_millicores"));
  errors.add(check_range(asked.memory_bytes, limits::kMemoryMinBytes, limits::kMemoryMaxBytes,
                         prefix + "memory_bytes"));
  errors.add(
      check_range(asked.swap_bytes.value_or(0), 0, limits::kMemoryMaxBytes, prefix + "swap_bytes"));
  errors.add(check_range(asked.tasks, 1, limits::kTasksMax, prefix + "tasks"));
  errors.add(check_range(spec.cpu_weight, 1, limits::kWeightMax, "spec.cpu_weight"));
  errors.add(check_range(spec.io_weight, 1, limits::kWeightMax, "spec.io_weight"));
  if (asked.counted.size() > limits::kLabelsMax)
    errors.add(invalid(prefix + "counted", "names " + std::to_string(asked.counted.size()) +
                                               " things" + at_most(limits::kLabelsMax)));
  for (const auto& [name, count] : asked.counted) {
    errors.add(validate_name(name, prefix + "counted"));
    if (count < 1 || count > limits::kCountedMax)
      errors.add(invalid(prefix + "counted." + name, std::to_string(count) + " is not from 1 to " +
                                                         std::to_string(limits::kCountedMax)));
  }
  if (asked.swap_bytes && asked.memory_bytes == 0)
    errors.add(
        invalid(prefix + "swap_bytes", "is given without a memory limit; give both, or neither"));
}

void validate_running(const JobSpec& spec, ErrorList& errors) {
  if (spec.run_time_limit &&
      (*spec.run_time_limit <= microseconds(0) || *spec.run_time_limit > limits::kRunTimeLimitMax))
    errors.add(invalid("spec.run_time_limit",
                       format_duration(*spec.run_time_limit) + " is not above 0, up to 365 days"));
  if (spec.count_paused && !spec.run_time_limit)
    errors.add(
        invalid("spec.count_paused", "is given without a run time limit; give both, or neither"));
  if (spec.lease && (*spec.lease < limits::kLeaseMin || *spec.lease > limits::kLeaseMax))
    errors.add(
        invalid("spec.lease", format_duration(*spec.lease) + " is not from 10s to 365 days"));
  if (spec.nice < -20 || spec.nice > 19)
    errors.add(invalid("spec.nice", std::to_string(spec.nice) + " is not from -20 to 19"));
  if (spec.umask.value_or(0) > 0777)
    errors.add(invalid("spec.umask", std::to_string(*spec.umask) + " is not from 0 to 0777 (511)"));
}

void validate_waiting(const JobSpec& spec, ErrorList& errors) {
  errors.add(validate_priority(spec.priority, "spec.priority"));
  if (spec.queue_time_limit && (*spec.queue_time_limit <= microseconds(0) ||
                                *spec.queue_time_limit > limits::kQueueTimeLimitMax))
    errors.add(invalid("spec.queue_time_limit", format_duration(*spec.queue_time_limit) +
                                                    " is not above 0, up to 365 days"));
  if (spec.retry) {
    errors.add(validate_retry(*spec.retry));
    if (spec.retry->on_lost && !spec.lease)
      errors.add(invalid("spec.retry.on_lost",
                         "is given without a lease; give both, or neither, for without a lease the "
                         "lost attempt may still run"));
  }
  if (spec.not_before && to_unix_us(*spec.not_before) < 0)
    errors.add(invalid("spec.not_before_time", "is before 1970"));
}

void validate_constraints(const std::vector<Constraint>& constraints, ErrorList& errors) {
  if (constraints.size() > limits::kLabelsMax)
    errors.add(invalid("spec.constraints", "there are " + std::to_string(constraints.size()) +
                                               at_most(limits::kLabelsMax)));
  // Each worker is compared with all of them when a job of a new kind comes.
  const std::size_t all = std::accumulate(
      constraints.begin(), constraints.end(), std::size_t{0},
      [](std::size_t sum, const Constraint& one) { return sum + one.values.size(); });
  if (all > limits::kConstraintValuesMax)
    errors.add(invalid("spec.constraints", "have " + std::to_string(all) + " values together" +
                                               at_most(limits::kConstraintValuesMax)));
  for (const Constraint& constraint : constraints) {
    errors.add(validate_name(constraint.key, "spec.constraints.key"));
    // As labels have them: no worker's could be equal to another one.
    for (const std::string& value : constraint.values)
      if (!value.empty()) errors.add(validate_name(value, "spec.constraints.values"));
    const std::size_t count = constraint.values.size();
    bool good = count == 1;
    if (constraint.op == ConstraintOperator::kExists) good = count == 0;
    if (constraint.op == ConstraintOperator::kIn) good = count >= 1 && count <= limits::kLabelsMax;
    if (!good)
      errors.add(invalid("spec.constraints.values",
                         "label " + constraint.key + " is compared with " + std::to_string(count) +
                             " values; EQUAL and NOT_EQUAL take one, IN one or more, EXISTS none"));
  }
}

void validate_parts(const JobSpec& spec, ErrorList& errors) {
  if (!spec.array) return;
  const ArraySpec& array = *spec.array;
  if (spec.one_per_worker)
    errors.add(invalid("spec.one_per_worker", "is given beside spec.array; give one of them"));
  if (array.count < 1 || array.count > limits::kPartsMax)
    errors.add(invalid("spec.array.count", std::to_string(array.count) + " is not from 1 to " +
                                               std::to_string(limits::kPartsMax)));
  if (array.max_running < 0)
    errors.add(
        invalid("spec.array.max_running", std::to_string(array.max_running) + " is below 0"));
  int before = -1;
  for (const int index : array.indexes) {
    if (index <= before || index >= array.count)
      return errors.add(invalid("spec.array.indexes", std::to_string(index) + " after " +
                                                          std::to_string(before) +
                                                          ": they must ascend, from 0 to " +
                                                          std::to_string(array.count - 1)));
    before = index;
  }
}

void validate_dependencies(const JobSpec& spec, ErrorList& errors) {
  if (spec.dependencies.size() > limits::kDependenciesMax)
    errors.add(invalid("spec.dependencies", "there are " +
                                                std::to_string(spec.dependencies.size()) +
                                                at_most(limits::kDependenciesMax)));
}

// As user databases have them: a colon or a newline ends a field there.
void validate_account(const std::string& name, const std::string& field, ErrorList& errors) {
  if (!check_text(name, limits::kAccountMaxBytes, field, errors)) return;
  if (name.find_first_of(":\n/") != std::string::npos)
    errors.add(invalid(field, shown(name) + " is no name: it holds \":\", \"/\" or a newline"));
}

void validate_readers(const JobSpec& spec, ErrorList& errors) {
  if (spec.readers.size() > limits::kReadersMax)
    return errors.add(invalid("spec.readers", "there are " + std::to_string(spec.readers.size()) +
                                                  at_most(limits::kReadersMax)));
  for (std::size_t i = 0; i < spec.readers.size(); ++i) {
    const std::string field = "spec.readers[" + std::to_string(i) + "]";
    const std::string& reader = spec.readers[i];
    if (!check_text(reader, limits::kAccountMaxBytes, field, errors)) continue;
    if (reader.empty() || reader.find('\n') != std::string::npos)
      errors.add(invalid(field, shown(reader) + " is no account; give a user's name or a "
                                                "certificate's, such as takt://user/alice"));
  }
}

void validate_texts(const JobSpec& spec, ErrorList& errors) {
  if (!spec.name.empty()) errors.add(validate_name(spec.name, "spec.name"));
  const std::string& folder = spec.working_directory;
  if (!folder.empty() && (folder.front() != '/' || has_nul(folder)))
    errors.add(invalid("spec.working_directory",
                       shown(folder) + " is not an absolute path; it must begin with \"/\""));
  else
    check_path(folder, "spec.working_directory", errors);
  validate_account(spec.user, "spec.user", errors);
  validate_account(spec.group, "spec.group", errors);
}

}  // namespace

Result<void> validate_spec(const JobSpec& spec) {
  ErrorList errors;
  validate_command(spec, errors);
  validate_environment(spec, errors);
  validate_texts(spec, errors);
  validate_resources(spec, errors);
  validate_running(spec, errors);
  validate_waiting(spec, errors);
  validate_stop(spec.stop, errors);
  validate_constraints(spec.constraints, errors);
  errors.add(validate_labels(spec.labels, "spec.labels"));
  validate_parts(spec, errors);
  validate_dependencies(spec, errors);
  validate_readers(spec, errors);
  const std::size_t size = encode_spec(spec).size();
  if (size > limits::kSpecMaxBytes)
    errors.add(invalid("spec", "takes " + std::to_string(size) + " bytes" +
                                   at_most(limits::kSpecMaxBytes) +
                                   " (script, stdin_data and environment included)"));
  return errors.result();
}

Result<void> check_for_user(const JobSpec& spec) {
  const auto denied = [](const std::string& field, std::int64_t value, const std::string& most) {
    Error error = make_error(ErrorCode::kPermissionDenied,
                             field + ": " + std::to_string(value) +
                                 " is for operators only, as it costs all other jobs; " + most +
                                 " is accepted");
    error.field = field;
    return error;
  };
  if (spec.nice < 0) return denied("spec.nice", spec.nice, "0 to 19");
  const std::string weights = "1 to " + std::to_string(limits::kWeightOfUser);
  if (spec.cpu_weight > limits::kWeightOfUser)
    return denied("spec.cpu_weight", spec.cpu_weight, weights);
  if (spec.io_weight > limits::kWeightOfUser)
    return denied("spec.io_weight", spec.io_weight, weights);
  return {};
}

}  // namespace takt
