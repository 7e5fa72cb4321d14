// SPDX-License-Identifier: Apache-2.0
// The framed form of a spec. A new field goes to the end, with a higher version; what a version did
// not have yet is at its default.
#include "base/codec.h"
#include "base/limits.h"
#include "job/spec.h"

namespace takt {
namespace {

constexpr std::string_view kMagic = "TKSP";
// 2: what a job may use, run time limit, …; 3: lease; 4: counted resources and how it waits;
// 5: parts and dependencies; 6: readers
constexpr std::uint8_t kVersion = 6;

// Vectors in a decoded record are bounded by what validate_spec lets through.
constexpr std::size_t kMostElements = limits::kSpecMaxBytes;

void encode_version_2(Encoder& out, const JobSpec& spec) {
  out.put_int(spec.resources.cpu_millicores);
  out.put_int(spec.resources.memory_bytes);
  out.put_int(spec.resources.swap_bytes.value_or(-1));
  out.put_int(spec.resources.tasks);
  out.put_int(spec.cpu_weight);
  out.put_int(spec.io_weight);
  out.put_enum(spec.oom_policy);
  out.put_int(spec.run_time_limit ? spec.run_time_limit->count() : -1);
  out.put_bool(spec.count_paused);
  out.put_int(spec.nice);
  out.put_int(spec.umask ? static_cast<std::int64_t>(*spec.umask) : -1);
  out.put_bool(spec.allow_new_privileges);
}

void decode_version_2(Decoder& in, JobSpec& spec) {
  spec.resources.cpu_millicores = in.get_int();
  spec.resources.memory_bytes = in.get_int();
  if (const std::int64_t swap = in.get_int(); swap >= 0) spec.resources.swap_bytes = swap;
  spec.resources.tasks = in.get_int();
  spec.cpu_weight = in.get_int();
  spec.io_weight = in.get_int();
  spec.oom_policy = in.get_enum(OomPolicy::kProcess);
  if (const std::int64_t us = in.get_int(); us >= 0) spec.run_time_limit = microseconds(us);
  spec.count_paused = in.get_bool();
  spec.nice = static_cast<int>(in.get_int());
  if (const std::int64_t mask = in.get_int(); mask >= 0)
    spec.umask = static_cast<std::uint32_t>(mask);
  spec.allow_new_privileges = in.get_bool();
}

void encode_version_4(Encoder& out, const JobSpec& spec) {
  out.put_int(static_cast<std::int64_t>(spec.resources.counted.size()));
  for (const auto& [name, count] : spec.resources.counted) {
    out.put(name);
    out.put_int(count);
  }
  out.put_int(spec.priority);
  out.put_int(spec.queue_time_limit ? spec.queue_time_limit->count() : -1);
  out.put_int(spec.not_before ? to_unix_us(*spec.not_before) : -1);
  out.put_bool(spec.hold);
  out.put_bool(spec.retry.has_value());
  const RetryPolicy retry = spec.retry.value_or(RetryPolicy());
  out.put_int(retry.max_attempts);
  out.put_int(static_cast<std::int64_t>(retry.on.size()));
  for (const EndCause cause : retry.on) out.put_enum(cause);
  out.put_int(static_cast<std::int64_t>(retry.exit_codes.size()));
  for (const int code : retry.exit_codes) out.put_int(code);
  out.put_int(retry.backoff.count());
  out.put_bool(retry.on_lost);
}

void decode_version_4(Decoder& in, JobSpec& spec) {
  for (std::size_t n = in.get_count(kMostElements); n > 0; --n) {
    std::string name = in.get();
    spec.resources.counted[std::move(name)] = in.get_int();
  }
  spec.priority = static_cast<int>(in.get_int());
  if (const std::int64_t us = in.get_int(); us >= 0) spec.queue_time_limit = microseconds(us);
  if (const std::int64_t us = in.get_int(); us >= 0) spec.not_before = from_unix_us(us);
  spec.hold = in.get_bool();
  const bool has_retry = in.get_bool();
  RetryPolicy retry;
  retry.max_attempts = static_cast<int>(in.get_int());
  for (std::size_t n = in.get_count(kMostElements); n > 0; --n)
    retry.on.push_back(in.get_enum(EndCause::kRejected));
  for (std::size_t n = in.get_count(kMostElements); n > 0; --n)
    retry.exit_codes.push_back(static_cast<int>(in.get_int()));
  retry.backoff = microseconds(in.get_int());
  retry.on_lost = in.get_bool();
  if (has_retry) spec.retry = std::move(retry);
}

void encode_version_5(Encoder& out, const JobSpec& spec) {
  out.put_bool(spec.array.has_value());
  const ArraySpec array = spec.array.value_or(ArraySpec());
  out.put_int(array.count);
  out.put_int(array.max_running);
  out.put_int(static_cast<std::int64_t>(array.indexes.size()));
  for (const int index : array.indexes) out.put_int(index);
  out.put_bool(spec.one_per_worker);
  out.put_int(static_cast<std::int64_t>(spec.dependencies.size()));
  for (const Dependency& dependency : spec.dependencies) {
    out.put(dependency.job_id.str());
    out.put_enum(dependency.condition);
  }
}

Result<void> decode_version_5(Decoder& in, JobSpec& spec) {
  const bool has_array = in.get_bool();
  ArraySpec array;
  array.count = static_cast<int>(in.get_int());
  array.max_running = static_cast<int>(in.get_int());
  for (std::size_t n = in.get_count(kMostElements); n > 0; --n)
    array.indexes.push_back(static_cast<int>(in.get_int()));
  if (has_array) spec.array = std::move(array);
  spec.one_per_worker = in.get_bool();
  for (std::size_t n = in.get_count(kMostElements); n > 0; --n) {
    const auto id = Uuid::parse(in.get(), "a dependency");
    if (!id) return make_error(ErrorCode::kDataLoss, id.error().message);
    spec.dependencies.push_back({*id, in.get_enum(DependencyCondition::kFailure)});
  }
  return {};
}

}  // namespace

std::string encode_spec(const JobSpec& spec) {
  Encoder out;
  out.put(spec.name);
  out.put_int(static_cast<std::int64_t>(spec.argv.size()));
  for (const std::string& argument : spec.argv) out.put(argument);
  out.put(spec.script);
  out.put_int(static_cast<std::int64_t>(spec.environment.size()));
  for (const EnvironmentVariable& variable : spec.environment) {
    out.put(variable.name);
    out.put(variable.value);
  }
  out.put(spec.working_directory);
  out.put(spec.user);
  out.put(spec.group);
  out.put_bool(spec.stdin_data.has_value());
  out.put(spec.stdin_data.value_or(""));
  out.put_int(spec.stop.signal);
  out.put_enum(spec.stop.target);
  out.put_int(spec.stop.grace.count());
  out.put_int(static_cast<std::int64_t>(spec.constraints.size()));
  for (const Constraint& constraint : spec.constraints) {
    out.put(constraint.key);
    out.put_enum(constraint.op);
    out.put_int(static_cast<std::int64_t>(constraint.values.size()));
    for (const std::string& value : constraint.values) out.put(value);
  }
  out.put_int(static_cast<std::int64_t>(spec.labels.size()));
  for (const auto& [key, value] : spec.labels) {
    out.put(key);
    out.put(value);
  }
  out.put_int(static_cast<std::int64_t>(spec.output_cap_bytes));
  out.put_int(spec.journal ? (*spec.journal ? 1 : 0) : -1);
  out.put_enum(spec.launcher);
  encode_version_2(out, spec);
  out.put_int(spec.lease ? spec.lease->count() : -1);
  encode_version_4(out, spec);
  encode_version_5(out, spec);
  // A spec without readers is written as the version before reads it.
  if (spec.readers.empty()) return out.finish(kMagic, 5);
  out.put_int(static_cast<std::int64_t>(spec.readers.size()));
  for (const std::string& reader : spec.readers) out.put(reader);
  return out.finish(kMagic, kVersion);
}

Result<JobSpec> decode_spec(std::string_view record) {
  auto in = Decoder::open(record, kMagic, kVersion);
  if (!in) return in.error();
  JobSpec spec;
  spec.name = in->get();
  for (std::size_t n = in->get_count(kMostElements); n > 0; --n) spec.argv.push_back(in->get());
  spec.script = in->get();
  for (std::size_t n = in->get_count(kMostElements); n > 0; --n) {
    std::string name = in->get();
    spec.environment.push_back({std::move(name), in->get()});
  }
  spec.working_directory = in->get();
  spec.user = in->get();
  spec.group = in->get();
  const bool has_stdin = in->get_bool();
  std::string stdin_data = in->get();
  if (has_stdin) spec.stdin_data = std::move(stdin_data);
  spec.stop.signal = static_cast<int>(in->get_int());
  spec.stop.target = in->get_enum(StopTarget::kLeader);
  spec.stop.grace = microseconds(in->get_int());
  for (std::size_t n = in->get_count(kMostElements); n > 0; --n) {
    Constraint constraint;
    constraint.key = in->get();
    constraint.op = in->get_enum(ConstraintOperator::kExists);
    for (std::size_t values = in->get_count(kMostElements); values > 0; --values)
      constraint.values.push_back(in->get());
    spec.constraints.push_back(std::move(constraint));
  }
  for (std::size_t n = in->get_count(kMostElements); n > 0; --n) {
    std::string key = in->get();
    spec.labels[std::move(key)] = in->get();
  }
  spec.output_cap_bytes = static_cast<std::uint64_t>(in->get_int());
  const std::int64_t journal = in->get_int();
  if (journal >= 0) spec.journal = journal != 0;
  spec.launcher = in->get_enum(Launcher::kCgroup);
  if (in->version() >= 2) decode_version_2(*in, spec);
  if (in->version() >= 3)
    if (const std::int64_t us = in->get_int(); us >= 0) spec.lease = microseconds(us);
  if (in->version() >= 4) decode_version_4(*in, spec);
  if (in->version() >= 5)
    if (auto read = decode_version_5(*in, spec); !read) return read.error().in("spec");
  if (in->version() >= 6)
    for (std::size_t n = in->get_count(kMostElements); n > 0; --n)
      spec.readers.push_back(in->get());
  if (auto whole = in->finish(); !whole) return whole.error().in("spec");
  return spec;
}

}  // namespace takt
