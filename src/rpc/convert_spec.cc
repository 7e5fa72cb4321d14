// SPDX-License-Identifier: Apache-2.0
#include "rpc/convert_spec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error_list.h"
#include "base/limits.h"
#include "base/units.h"
#include "rpc/check_request.h"
#include "rpc/convert.h"
#include "rpc/convert_resources.h"

namespace takt::rpc {
namespace {

bool has_unknown(const google::protobuf::Message& message) {
  return !message.GetReflection()->GetUnknownFields(message).empty();
}

bool unknown_anywhere(const v1::JobSpec& message) {
  return has_unknown(message) || has_unknown(message.stop()) || has_unknown(message.resources()) ||
         has_unknown(message.retry()) || has_unknown(message.array()) ||
         std::any_of(message.dependencies().begin(), message.dependencies().end(), has_unknown) ||
         std::any_of(message.environment().begin(), message.environment().end(), has_unknown) ||
         std::any_of(message.constraints().begin(), message.constraints().end(), has_unknown);
}

// What this build does not know it cannot honour.
Result<void> refuse_unknown(const v1::JobSpec& message) {
  if (!unknown_anywhere(message)) return {};
  return Error{ErrorCode::kUnimplemented,
               "spec has a field that this version does not know; leave it out", "spec", 0};
}

Error unknown_enum(const std::string& field, int value, const std::string& accepted) {
  return invalid(field,
                 "value " + std::to_string(value) + " is not known; " + accepted + " are accepted");
}

Result<StopPolicy> stop_from_proto(const v1::StopPolicy& message) {
  StopPolicy stop;
  if (message.signal() != 0) stop.signal = message.signal();
  switch (message.target()) {
    case v1::STOP_TARGET_UNSPECIFIED:
    case v1::STOP_TARGET_ALL:
      stop.target = StopTarget::kAll;
      break;
    case v1::STOP_TARGET_LEADER:
      stop.target = StopTarget::kLeader;
      break;
    default:
      return unknown_enum("spec.stop.target", message.target(), "ALL and LEADER");
  }
  if (message.has_grace()) {
    auto grace = duration_from_proto(message.grace(), "spec.stop.grace", limits::kStopGraceMax);
    if (!grace) return grace.error();
    stop.grace = *grace;
  }
  return stop;
}

Result<Constraint> constraint_from_proto(const v1::Constraint& message) {
  Constraint constraint;
  constraint.key = message.key();
  constraint.values.assign(message.values().begin(), message.values().end());
  switch (message.operator_()) {
    case v1::CONSTRAINT_OPERATOR_EQUAL:
      constraint.op = ConstraintOperator::kEqual;
      break;
    case v1::CONSTRAINT_OPERATOR_NOT_EQUAL:
      constraint.op = ConstraintOperator::kNotEqual;
      break;
    case v1::CONSTRAINT_OPERATOR_IN:
      constraint.op = ConstraintOperator::kIn;
      break;
    case v1::CONSTRAINT_OPERATOR_EXISTS:
      constraint.op = ConstraintOperator::kExists;
      break;
    default:
      return unknown_enum("spec.constraints.operator", message.operator_(),
                          "EQUAL, NOT_EQUAL, IN and EXISTS");
  }
  return constraint;
}

Result<Launcher> launcher_from_proto(v1::Launcher launcher) {
  switch (launcher) {
    case v1::LAUNCHER_UNSPECIFIED:
      return Launcher::kDefault;
    case v1::LAUNCHER_SCOPE:
      return Launcher::kScope;
    case v1::LAUNCHER_CGROUP:
      return Launcher::kCgroup;
    default:
      return unknown_enum("spec.launcher", launcher, "SCOPE and CGROUP");
  }
}

static_assert(v1::DEPENDENCY_CONDITION_FAILURE ==
              static_cast<int>(DependencyCondition::kFailure) + 1);

v1::ConstraintOperator operator_to_proto(ConstraintOperator op) {
  switch (op) {
    case ConstraintOperator::kEqual:
      return v1::CONSTRAINT_OPERATOR_EQUAL;
    case ConstraintOperator::kNotEqual:
      return v1::CONSTRAINT_OPERATOR_NOT_EQUAL;
    case ConstraintOperator::kIn:
      return v1::CONSTRAINT_OPERATOR_IN;
    case ConstraintOperator::kExists:
      return v1::CONSTRAINT_OPERATOR_EXISTS;
  }
  return v1::CONSTRAINT_OPERATOR_UNSPECIFIED;
}

Result<void> retry_from_proto(const v1::JobSpec& message, JobSpec& spec) {
  if (!message.has_retry()) return {};
  const v1::RetryPolicy& asked = message.retry();
  RetryPolicy retry;
  if (asked.max_attempts() != 0) retry.max_attempts = asked.max_attempts();
  for (const int number : asked.on()) {
    const auto cause = cause_from_proto(number, "spec.retry.on");
    if (!cause) return cause.error();
    retry.on.push_back(*cause);
  }
  retry.exit_codes.assign(asked.exit_codes().begin(), asked.exit_codes().end());
  retry.on_lost = asked.on_lost();
  if (asked.has_backoff()) {
    auto backoff = duration_from_proto(asked.backoff(), "spec.retry.backoff", limits::kBackoffMax);
    if (!backoff) return backoff.error();
    retry.backoff = *backoff;
  }
  if (retry.on_lost && !spec.lease) spec.lease = limits::kLeaseDefault;
  spec.retry = std::move(retry);
  return {};
}

void retry_to_proto(const JobSpec& spec, v1::JobSpec& message) {
  if (!spec.retry) return;
  v1::RetryPolicy* retry = message.mutable_retry();
  retry->set_max_attempts(spec.retry->max_attempts);
  for (const EndCause cause : spec.retry->on) retry->add_on(cause_to_proto(cause));
  for (const int code : spec.retry->exit_codes) retry->add_exit_codes(code);
  *retry->mutable_backoff() = duration_to_proto(spec.retry->backoff);
  retry->set_on_lost(spec.retry->on_lost);
}

Result<void> waiting_from_proto(const v1::JobSpec& message, JobSpec& spec) {
  spec.priority = message.priority();
  spec.hold = message.hold();
  if (message.has_not_before_time()) {
    const std::string field = "spec.not_before_time";
    if (auto good = check_time(message.not_before_time(), field); !good) return good;
    spec.not_before = time_from_proto(message.not_before_time());
    if (*spec.not_before - wall_now() > limits::kNotBeforeMax)
      return invalid(field, format_time(*spec.not_before) + " is more than 10 years ahead");
  }
  if (!message.has_queue_time_limit()) return {};
  auto limit = duration_from_proto(message.queue_time_limit(), "spec.queue_time_limit",
                                   limits::kQueueTimeLimitMax);
  if (!limit) return limit.error();
  spec.queue_time_limit = *limit;
  return {};
}

void waiting_to_proto(const JobSpec& spec, v1::JobSpec& message) {
  message.set_priority(spec.priority);
  message.set_hold(spec.hold);
  if (spec.not_before) *message.mutable_not_before_time() = time_to_proto(*spec.not_before);
  if (spec.queue_time_limit)
    *message.mutable_queue_time_limit() = duration_to_proto(*spec.queue_time_limit);
}

Result<std::vector<Dependency>> dependencies_from_proto(const v1::JobSpec& message) {
  std::vector<Dependency> dependencies;
  ErrorList errors;
  for (int at = 0; at < message.dependencies_size(); ++at) {
    const v1::Dependency& asked = message.dependencies(at);
    const std::string field = "spec.dependencies[" + std::to_string(at) + "]";
    Dependency dependency;
    errors.take(Uuid::parse(asked.job_id(), field + ".job_id"), dependency.job_id);
    switch (asked.condition()) {
      case v1::DEPENDENCY_CONDITION_SUCCESS:
        dependency.condition = DependencyCondition::kSuccess;
        break;
      case v1::DEPENDENCY_CONDITION_END:
        dependency.condition = DependencyCondition::kEnd;
        break;
      case v1::DEPENDENCY_CONDITION_FAILURE:
        dependency.condition = DependencyCondition::kFailure;
        break;
      default:
        errors.add(
            unknown_enum(field + ".condition", asked.condition(), "SUCCESS, END and FAILURE"));
    }
    dependencies.push_back(dependency);
  }
  if (auto good = errors.result(); !good) return good.error();
  return dependencies;
}

void parts_from_proto(const v1::JobSpec& message, JobSpec& spec) {
  spec.one_per_worker = message.one_per_worker();
  if (!message.has_array()) return;
  const v1::Array& array = message.array();
  spec.array = ArraySpec{
      array.count(), array.max_running(), {array.indexes().begin(), array.indexes().end()}};
}

void parts_to_proto(const JobSpec& spec, v1::JobSpec& message) {
  message.set_one_per_worker(spec.one_per_worker);
  for (const Dependency& dependency : spec.dependencies) {
    v1::Dependency* added = message.add_dependencies();
    added->set_job_id(dependency.job_id.str());
    added->set_condition(
        static_cast<v1::DependencyCondition>(static_cast<int>(dependency.condition) + 1));
  }
  if (!spec.array) return;
  message.mutable_array()->set_count(spec.array->count);
  message.mutable_array()->set_max_running(spec.array->max_running);
  for (const int index : spec.array->indexes) message.mutable_array()->add_indexes(index);
}

// What is copied as it is; validate_spec judges it.
JobSpec copy_plain_fields(const v1::JobSpec& message) {
  JobSpec spec;
  spec.name = message.name();
  spec.argv.assign(message.argv().begin(), message.argv().end());
  spec.script = message.script();
  for (const v1::EnvironmentVariable& variable : message.environment())
    spec.environment.push_back({variable.name(), variable.value()});
  spec.working_directory = message.working_directory();
  spec.user = message.user();
  spec.group = message.group();
  if (message.has_stdin_data()) spec.stdin_data = message.stdin_data();
  spec.labels.insert(message.labels().begin(), message.labels().end());
  spec.readers.assign(message.readers().begin(), message.readers().end());
  if (message.has_journal()) spec.journal = message.journal();
  return spec;
}

}  // namespace

Result<JobSpec> spec_from_proto(const v1::JobSpec& message) {
  if (auto known = refuse_unknown(message); !known) return known.error();
  ErrorList errors;
  JobSpec spec = copy_plain_fields(message);
  if (message.output_cap_bytes() < 0)
    errors.add(invalid("spec.output_cap_bytes",
                       std::to_string(message.output_cap_bytes()) + " is below 0"));
  spec.output_cap_bytes = static_cast<std::uint64_t>(message.output_cap_bytes());
  errors.add(resources_from_proto(message, spec));
  errors.add(waiting_from_proto(message, spec));
  errors.add(retry_from_proto(message, spec));
  parts_from_proto(message, spec);
  errors.take(dependencies_from_proto(message), spec.dependencies);
  if (message.has_stop()) errors.take(stop_from_proto(message.stop()), spec.stop);
  for (const v1::Constraint& asked : message.constraints()) {
    auto constraint = constraint_from_proto(asked);
    errors.add(constraint ? Result<void>() : constraint.error());
    if (constraint) spec.constraints.push_back(std::move(*constraint));
  }
  errors.take(launcher_from_proto(message.launcher()), spec.launcher);
  // What could not be read is at its default, which is good.
  errors.add(validate_spec(spec));
  if (auto good = errors.result(); !good) return good.error();
  return spec;
}

void clear_waiting(v1::JobSpec& message) {
  message.clear_priority();
  message.clear_hold();
  message.clear_not_before_time();
  message.clear_queue_time_limit();
  message.clear_retry();
  message.clear_array();
  message.clear_one_per_worker();
  message.clear_dependencies();
}

Result<void> refuse_waiting(const v1::JobSpec& message) {
  const std::array<std::pair<bool, const char*>, 8> asked{{
      {message.has_retry(), "spec.retry"},
      {message.has_array(), "spec.array"},
      {message.one_per_worker(), "spec.one_per_worker"},
      {message.dependencies_size() > 0, "spec.dependencies"},
      {message.priority() != 0, "spec.priority"},
      {message.hold(), "spec.hold"},
      {message.has_not_before_time(), "spec.not_before_time"},
      {message.has_queue_time_limit(), "spec.queue_time_limit"},
  }};
  for (const auto& [given, field] : asked)
    if (given) return invalid(field, "is for a scheduler; a worker starts jobs at once");
  return {};
}

v1::JobSpec spec_to_proto(const JobSpec& spec) {
  v1::JobSpec message;
  message.set_name(spec.name);
  for (const std::string& argument : spec.argv) message.add_argv(argument);
  message.set_script(spec.script);
  for (const EnvironmentVariable& variable : spec.environment) {
    v1::EnvironmentVariable* added = message.add_environment();
    added->set_name(variable.name);
    added->set_value(variable.value);
  }
  message.set_working_directory(spec.working_directory);
  message.set_user(spec.user);
  message.set_group(spec.group);
  if (spec.stdin_data) message.set_stdin_data(*spec.stdin_data);
  resources_to_proto(spec, message);
  waiting_to_proto(spec, message);
  retry_to_proto(spec, message);
  parts_to_proto(spec, message);
  message.mutable_stop()->set_signal(spec.stop.signal);
  message.mutable_stop()->set_target(
      spec.stop.target == StopTarget::kLeader ? v1::STOP_TARGET_LEADER : v1::STOP_TARGET_ALL);
  *message.mutable_stop()->mutable_grace() = duration_to_proto(spec.stop.grace);
  for (const Constraint& constraint : spec.constraints) {
    v1::Constraint* added = message.add_constraints();
    added->set_key(constraint.key);
    added->set_operator_(operator_to_proto(constraint.op));
    for (const std::string& value : constraint.values) added->add_values(value);
  }
  message.mutable_labels()->insert(spec.labels.begin(), spec.labels.end());
  message.mutable_readers()->Assign(spec.readers.begin(), spec.readers.end());
  message.set_output_cap_bytes(static_cast<std::int64_t>(spec.output_cap_bytes));
  if (spec.journal) message.set_journal(*spec.journal);
  message.set_launcher(launcher_to_proto(spec.launcher));
  return message;
}

}  // namespace takt::rpc
