// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include "base/units.h"
#include "job/spec.h"
#include "job/state.h"
#include "rpc/convert.h"

namespace takt::cli {

std::string in_quotes(std::string_view text) { return "\"" + printable(text) + "\""; }

std::string short_id(const std::string& job_id) { return job_id.substr(0, 8); }

std::string coarse(microseconds span) {
  if (span < seconds(1)) return "0s";
  const std::string text = format_duration(span);
  return text.substr(0, text.find(' '));
}

std::string state_text(v1::JobState state) {
  const auto known = rpc::state_from_proto(state, "state");
  return known ? std::string(state_name(*known)) : "unknown";
}

std::string worker_state_text(v1::WorkerState state) {
  switch (state) {
    case v1::WORKER_STATE_READY:
      return "ready";
    case v1::WORKER_STATE_UNREACHABLE:
      return "unreachable";
    case v1::WORKER_STATE_LOST:
      return "lost";
    case v1::WORKER_STATE_AWAY:
      return "away";
    case v1::WORKER_STATE_DRAINING:
      return "draining";
    default:
      return "unknown";
  }
}

bool ended(const v1::Job& job) { return job.has_end(); }

const v1::Attempt& latest_attempt(const v1::Job& job) {
  return job.attempts_size() == 0 ? v1::Attempt::default_instance()
                                  : job.attempts(job.attempts_size() - 1);
}

std::string end_text(const v1::JobEnd& end) {
  if (!end.message().empty()) return printable(end.message());
  const auto known = rpc::end_from_proto(end);
  return known ? printable(end_message(*known)) : "ended in a way that this takt does not know";
}

std::string submitter(const v1::Job& job) {
  constexpr std::string_view kUser = "user ";
  const std::string& by = job.submitted_by();
  if (by.empty()) return "-";
  return printable(by.starts_with(kUser) ? by.substr(kUser.size()) : by);
}

std::string command_text(const v1::JobSpec& spec) {
  JobSpec plain;
  plain.argv.assign(spec.argv().begin(), spec.argv().end());
  plain.script = spec.script();
  if (plain.argv.empty() && plain.script.empty()) return "script";
  return printable(command_line(plain));
}

std::string command_text(const v1::Job& job) {
  return job.is_summary() ? "(not shown)" : command_text(job.spec());
}

std::optional<microseconds> cpu_time(const v1::Usage& usage) {
  if (!usage.has_cpu_user() && !usage.has_cpu_system()) return std::nullopt;
  return rpc::raw_duration(usage.cpu_user()) + rpc::raw_duration(usage.cpu_system());
}

std::string explanation_text(const v1::ExplainJobResponse& waiting) {
  std::string text = printable(waiting.explanation());
  if (waiting.never()) text += ". It would never start as things are";
  text += ".\n";
  if (!waiting.advice().empty()) text += printable(waiting.advice()) + "\n";
  return text;
}

std::string cpus_text(std::int64_t millicores) {
  return millicores == 0 ? "" : format_millicores(millicores);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string size_text(std::int64_t bytes, bool exact) {
  if (exact || bytes < 0) return std::to_string(bytes);
  return format_bytes(static_cast<std::uint64_t>(bytes));
}

}  // namespace takt::cli
