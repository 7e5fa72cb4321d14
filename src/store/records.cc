// SPDX-License-Identifier: Apache-2.0
#include "store/records.h"

#include <optional>

#include "base/codec.h"
#include "base/limits.h"

namespace takt::store {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kEndVersion = 3;       // 2: kills for memory, run time limit; 3: parts
constexpr std::uint8_t kUsageVersion = 2;     // 2: wall time
constexpr std::uint8_t kCapacityVersion = 2;  // 2: tasks, what direct jobs use
constexpr std::size_t kMostElements =
    limits::kMessageMaxBytes;  // of any list; the length bounds it

template <class Number>
void put_optional(Encoder& out, const std::optional<Number>& number) {
  out.put_bool(number.has_value());
  out.put_int(static_cast<std::int64_t>(number.value_or(Number{})));
}

void put_optional(Encoder& out, const std::optional<microseconds>& span) {
  out.put_bool(span.has_value());
  out.put_int(span.value_or(microseconds(0)).count());
}

template <class Number>
void get_optional(Decoder& in, std::optional<Number>& number) {
  const bool there = in.get_bool();
  const std::int64_t value = in.get_int();
  if (there) number = static_cast<Number>(value);
}

void put_map(Encoder& out, const Labels& labels) {
  out.put_int(static_cast<std::int64_t>(labels.size()));
  for (const auto& [key, value] : labels) {
    out.put(key);
    out.put(value);
  }
}

void put_counts(Encoder& out, const Counts& counts) {
  out.put_int(static_cast<std::int64_t>(counts.size()));
  for (const auto& [name, count] : counts) {
    out.put(name);
    out.put_int(count);
  }
}

Counts get_counts(Decoder& in) {
  Counts counts;
  for (std::size_t n = in.get_count(kMostElements); n > 0; --n) {
    std::string name = in.get();
    counts[std::move(name)] = in.get_int();
  }
  return counts;
}

// What was decoded, if all of it was there.
template <class Value>
Result<Value> finished(const Decoder& in, Value value) {
  if (auto done = in.finish(); !done) return done.error();
  return value;
}

}  // namespace

std::string encode_end(const JobEnd& end) {
  Encoder out;
  out.put_enum(end.cause);
  put_optional(out, end.exit_code);
  put_optional(out, end.signal);
  out.put_bool(end.core_dumped);
  out.put(end.failed_step);
  out.put_int(end.error_number);
  out.put(end.field);
  out.put(end.stopped_by);
  out.put(end.reason);
  out.put_bool(end.killed);
  out.put(end.detail);
  out.put(end.note);
  out.put_bool(end.oom.has_value());
  const OomKill oom = end.oom.value_or(OomKill());
  out.put_enum(oom.scope);
  put_optional(out, oom.limit_bytes);
  put_optional(out, oom.peak_bytes);
  put_optional(out, oom.kills);
  put_optional(out, end.run_time_limit);
  out.put_int(end.parts_total);
  out.put_int(end.parts_failed);
  return out.finish("TKEN", kEndVersion);
}

Result<JobEnd> decode_end(std::string_view record) {
  auto in = Decoder::open(record, "TKEN", kEndVersion);
  if (!in) return in.error();
  JobEnd end;
  end.cause = in->get_enum(EndCause::kPartsEnded);
  get_optional(*in, end.exit_code);
  get_optional(*in, end.signal);
  end.core_dumped = in->get_bool();
  end.failed_step = in->get();
  end.error_number = static_cast<int>(in->get_int());
  end.field = in->get();
  end.stopped_by = in->get();
  end.reason = in->get();
  end.killed = in->get_bool();
  end.detail = in->get();
  end.note = in->get();
  if (in->version() >= 2) {
    const bool killed_for_memory = in->get_bool();
    OomKill oom;
    oom.scope = in->get_enum(OomScope::kSystemdOomd);
    get_optional(*in, oom.limit_bytes);
    get_optional(*in, oom.peak_bytes);
    get_optional(*in, oom.kills);
    if (killed_for_memory) end.oom = oom;
    get_optional(*in, end.run_time_limit);
  }
  if (in->version() >= 3) {
    end.parts_total = static_cast<int>(in->get_int());
    end.parts_failed = static_cast<int>(in->get_int());
  }
  return finished(*in, std::move(end));
}

std::string encode_usage(const Usage& usage) {
  Encoder out;
  put_optional(out, usage.cpu_user);
  put_optional(out, usage.cpu_system);
  put_optional(out, usage.memory_peak_bytes);
  put_optional(out, usage.tasks_peak);
  put_optional(out, usage.io_read_bytes);
  put_optional(out, usage.io_write_bytes);
  put_optional(out, usage.stdout_bytes);
  put_optional(out, usage.stderr_bytes);
  put_optional(out, usage.stdout_truncated_bytes);
  put_optional(out, usage.stderr_truncated_bytes);
  put_optional(out, usage.stragglers);
  put_optional(out, usage.journal_dropped_lines);
  put_optional(out, usage.wall);
  return out.finish("TKUS", kUsageVersion);
}

Result<Usage> decode_usage(std::string_view record) {
  auto in = Decoder::open(record, "TKUS", kUsageVersion);
  if (!in) return in.error();
  Usage usage;
  get_optional(*in, usage.cpu_user);
  get_optional(*in, usage.cpu_system);
  get_optional(*in, usage.memory_peak_bytes);
  get_optional(*in, usage.tasks_peak);
  get_optional(*in, usage.io_read_bytes);
  get_optional(*in, usage.io_write_bytes);
  get_optional(*in, usage.stdout_bytes);
  get_optional(*in, usage.stderr_bytes);
  get_optional(*in, usage.stdout_truncated_bytes);
  get_optional(*in, usage.stderr_truncated_bytes);
  get_optional(*in, usage.stragglers);
  get_optional(*in, usage.journal_dropped_lines);
  if (in->version() >= 2) get_optional(*in, usage.wall);
  return finished(*in, usage);
}

std::string encode_labels(const Labels& labels) {
  Encoder out;
  put_map(out, labels);
  return out.finish("TKLB", kVersion);
}

Result<Labels> decode_labels(std::string_view record) {
  auto in = Decoder::open(record, "TKLB", kVersion);
  if (!in) return in.error();
  Labels labels;
  for (std::size_t n = in->get_count(kMostElements); n > 0; --n) {
    std::string key = in->get();
    labels[std::move(key)] = in->get();
  }
  return finished(*in, std::move(labels));
}

std::string encode_capacity(const Capacity& capacity) {
  Encoder out;
  out.put_int(capacity.slots);
  out.put_int(capacity.direct.slots);
  out.put_int(capacity.cpu_millicores);
  out.put_int(capacity.memory_bytes);
  put_counts(out, capacity.counted);
  out.put_int(static_cast<std::int64_t>(capacity.controllers.size()));
  for (const std::string& name : capacity.controllers) out.put(name);
  out.put_int(static_cast<std::int64_t>(capacity.launchers.size()));
  for (const Launcher launcher : capacity.launchers) out.put_enum(launcher);
  out.put_int(capacity.tasks);
  out.put_int(capacity.direct.cpu_millicores);
  out.put_int(capacity.direct.memory_bytes);
  out.put_int(capacity.direct.tasks);
  put_counts(out, capacity.direct.counted);
  return out.finish("TKCP", kCapacityVersion);
}

Result<Capacity> decode_capacity(std::string_view record) {
  auto in = Decoder::open(record, "TKCP", kCapacityVersion);
  if (!in) return in.error();
  Capacity capacity;
  capacity.slots = static_cast<int>(in->get_int());
  capacity.direct.slots = in->get_int();
  capacity.cpu_millicores = in->get_int();
  capacity.memory_bytes = in->get_int();
  capacity.counted = get_counts(*in);
  for (std::size_t n = in->get_count(kMostElements); n > 0; --n)
    capacity.controllers.push_back(in->get());
  for (std::size_t n = in->get_count(kMostElements); n > 0; --n)
    capacity.launchers.push_back(in->get_enum(Launcher::kCgroup));
  if (in->version() >= 2) {
    capacity.tasks = in->get_int();
    capacity.direct.cpu_millicores = in->get_int();
    capacity.direct.memory_bytes = in->get_int();
    capacity.direct.tasks = in->get_int();
    capacity.direct.counted = get_counts(*in);
  }
  return finished(*in, std::move(capacity));
}

}  // namespace takt::store
