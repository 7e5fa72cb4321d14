// SPDX-License-Identifier: Apache-2.0
#include "rpc/convert_usage.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "rpc/convert.h"

namespace takt::rpc {
namespace {

void set_optional(const std::optional<microseconds>& value,
                  google::protobuf::Duration* (v1::Usage::*target)(), v1::Usage& usage) {
  if (value) *(usage.*target)() = duration_to_proto(*value);
}

}  // namespace

v1::Usage usage_to_proto(const Usage& usage) {
  v1::Usage message;
  set_optional(usage.cpu_user, &v1::Usage::mutable_cpu_user, message);
  set_optional(usage.cpu_system, &v1::Usage::mutable_cpu_system, message);
  if (usage.memory_peak_bytes) message.set_memory_peak_bytes(*usage.memory_peak_bytes);
  if (usage.tasks_peak) message.set_tasks_peak(*usage.tasks_peak);
  if (usage.io_read_bytes) message.set_io_read_bytes(*usage.io_read_bytes);
  if (usage.io_write_bytes) message.set_io_write_bytes(*usage.io_write_bytes);
  if (usage.stdout_bytes) message.set_stdout_bytes(*usage.stdout_bytes);
  if (usage.stderr_bytes) message.set_stderr_bytes(*usage.stderr_bytes);
  if (usage.stdout_truncated_bytes)
    message.set_stdout_truncated_bytes(*usage.stdout_truncated_bytes);
  if (usage.stderr_truncated_bytes)
    message.set_stderr_truncated_bytes(*usage.stderr_truncated_bytes);
  if (usage.stragglers) message.set_stragglers(*usage.stragglers);
  if (usage.journal_dropped_lines) message.set_journal_dropped_lines(*usage.journal_dropped_lines);
  set_optional(usage.wall, &v1::Usage::mutable_wall, message);
  if (usage.memory_bytes) message.set_memory_bytes(*usage.memory_bytes);
  if (usage.tasks) message.set_tasks(*usage.tasks);
  return message;
}

Usage usage_from_proto(const v1::Usage& message) {
  Usage usage;
  if (message.has_cpu_user()) usage.cpu_user = raw_duration(message.cpu_user());
  if (message.has_cpu_system()) usage.cpu_system = raw_duration(message.cpu_system());
  if (message.has_memory_peak_bytes()) usage.memory_peak_bytes = message.memory_peak_bytes();
  if (message.has_tasks_peak()) usage.tasks_peak = message.tasks_peak();
  if (message.has_io_read_bytes()) usage.io_read_bytes = message.io_read_bytes();
  if (message.has_io_write_bytes()) usage.io_write_bytes = message.io_write_bytes();
  if (message.has_stdout_bytes()) usage.stdout_bytes = message.stdout_bytes();
  if (message.has_stderr_bytes()) usage.stderr_bytes = message.stderr_bytes();
  if (message.has_stdout_truncated_bytes())
    usage.stdout_truncated_bytes = message.stdout_truncated_bytes();
  if (message.has_stderr_truncated_bytes())
    usage.stderr_truncated_bytes = message.stderr_truncated_bytes();
  if (message.has_stragglers()) usage.stragglers = message.stragglers();
  if (message.has_journal_dropped_lines())
    usage.journal_dropped_lines = message.journal_dropped_lines();
  if (message.has_wall()) usage.wall = raw_duration(message.wall());
  if (message.has_memory_bytes()) usage.memory_bytes = message.memory_bytes();
  if (message.has_tasks()) usage.tasks = message.tasks();
  return usage;
}

v1::Process process_to_proto(const RemainingProcess& process) {
  v1::Process message;
  message.set_pid(process.pid);
  message.set_name(clean_text(process.name));
  message.set_state(clean_text(std::string(1, process.state)));
  message.set_wait_channel(clean_text(process.wait_channel));
  *message.mutable_waited() = duration_to_proto(process.waited);
  return message;
}

std::vector<RemainingProcess> remaining_from_proto(
    const google::protobuf::RepeatedPtrField<v1::Process>& messages) {
  std::vector<RemainingProcess> remaining;
  for (const v1::Process& message : messages) {
    if (remaining.size() == limits::kRemainingMax) break;
    remaining.push_back({.pid = message.pid(),
                         .name = clean_text(message.name(), limits::kNameMaxBytes),
                         .state = message.state().empty() ? '?' : message.state()[0],
                         .wait_channel = clean_text(message.wait_channel(), limits::kNameMaxBytes),
                         .waited = raw_duration(message.waited())});
  }
  return remaining;
}

}  // namespace takt::rpc
