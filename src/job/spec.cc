// SPDX-License-Identifier: Apache-2.0
#include "job/spec.h"

#include <algorithm>

#include "base/limits.h"

namespace takt {
namespace {

bool is_name_character(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') ||
         std::string_view("._-:@").find(c) != std::string_view::npos;
}

}  // namespace

std::size_t stored_bytes(const JobSpec& spec) {
  constexpr std::size_t kFixed = 256;
  constexpr std::size_t kOfText = 8;
  std::size_t bytes = kFixed + spec.name.size() + spec.script.size() +
                      (spec.stdin_data ? spec.stdin_data->size() : 0) +
                      spec.working_directory.size() + spec.user.size() + spec.group.size();
  const auto add = [&bytes](const std::string& text) { bytes += text.size() + kOfText; };
  for (const std::string& argument : spec.argv) add(argument);
  for (const EnvironmentVariable& variable : spec.environment) {
    add(variable.name);
    add(variable.value);
  }
  for (const Constraint& constraint : spec.constraints) {
    add(constraint.key);
    for (const std::string& value : constraint.values) add(value);
  }
  for (const auto& [key, value] : spec.labels) {
    add(key);
    add(value);
  }
  for (const auto& [resource, count] : spec.resources.counted) add(resource);
  for (const std::string& reader : spec.readers) add(reader);
  if (spec.array) bytes += spec.array->indexes.size() * sizeof(int);
  return bytes + spec.dependencies.size() * sizeof(Dependency);
}

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

bool is_fulfilled(DependencyCondition condition, bool succeeded) {
  return condition == DependencyCondition::kEnd ||
         succeeded == (condition == DependencyCondition::kSuccess);
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
