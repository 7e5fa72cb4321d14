// SPDX-License-Identifier: Apache-2.0
// The framed form of a spec. Version 1; a new field goes to the end, with a higher version.
#include "base/codec.h"
#include "base/limits.h"
#include "job/spec.h"

namespace takt {
namespace {

constexpr std::string_view kMagic = "TKSP";
constexpr std::uint8_t kVersion = 1;

// Vectors in a decoded record are bounded by what validate_spec lets through.
constexpr std::size_t kMostElements = limits::kSpecMaxBytes;

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
  if (auto whole = in->finish(); !whole) return whole.error().in("spec");
  return spec;
}

}  // namespace takt
