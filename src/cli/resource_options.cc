// SPDX-License-Identifier: Apache-2.0
#include "cli/resource_options.h"

#include "base/error_list.h"
#include "base/limits.h"
#include "base/units.h"
#include "cli/invocation.h"
#include "cli/text.h"

namespace takt::cli {
namespace {

constexpr std::int64_t kUmaskMax = 0777;

Result<std::int64_t> read_size(const std::string& text, const std::string& option) {
  auto bytes = parse_bytes(text, option);
  if (!bytes) return bytes.error();
  if (*bytes > static_cast<std::uint64_t>(limits::kMemoryMaxBytes))
    return invalid(option, in_quotes(text) + " is more than any machine has");
  return static_cast<std::int64_t>(*bytes);
}

// 0 is the API's word for "no limit"; whoever writes it means something else.
Result<std::int64_t> above_zero(Result<std::int64_t> value, const std::string& text,
                                const std::string& option) {
  if (value && *value == 0)
    return invalid(option, in_quotes(text) + " is not above 0; leave it out for no limit");
  return value;
}

Result<std::pair<std::string, std::int64_t>> read_count(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    return invalid("--resource", in_quotes(text) + " is not NAME=NUMBER, such as gpu=1");
  auto number = parse_integer(std::string_view(text).substr(equals + 1), "--resource", 1,
                              limits::kCountedMax);
  if (!number) return number.error();
  return std::pair(text.substr(0, equals), *number);
}

Result<std::uint32_t> read_umask(const std::string& text) {
  std::int64_t value = 0;
  bool good = !text.empty() && text.size() <= 4;
  for (const char c : text) {
    good = good && c >= '0' && c <= '7';
    value = value * 8 + (c - '0');
  }
  if (!good || value > kUmaskMax)
    return invalid("--umask", in_quotes(text) + " is not a mask; write it as chmod does, 027");
  return static_cast<std::uint32_t>(value);
}

// Reads what was given; `into` stays as it is otherwise, or where that cannot be read.
template <class T, class Read, class Into>
void take(ErrorList& errors, const std::string& text, Read read, Into& into) {
  if (text.empty()) return;
  const Result<T> value = read();
  if (value) {
    into = static_cast<std::decay_t<Into>>(*value);
  } else {
    errors.add(value.error());
  }
}

void take_number(ErrorList& errors, const std::string& text, const char* option, std::int64_t low,
                 std::int64_t high, auto& into) {
  take<std::int64_t>(
      errors, text, [&] { return parse_integer(text, option, low, high); }, into);
}

}  // namespace

void ResourceOptions::declare_limits(Invocation& call) {
  call.option("--memory", "SIZE", memory_,
              "The most memory, such as 512M; a job that needs more is killed. Enforced.");
  call.option("--swap", "SIZE", swap_, "Swap beside that memory (none).");
  call.option("--cpus", "NUMBER", cpus_, "The most processor time, such as 1.5 processors.");
  call.option("--tasks", "NUMBER", tasks_, "The most processes and threads.");
  call.repeated("--resource", "NAME=NUMBER", counted_,
                "So many of a thing that workers count, such as gpu=1. May be repeated.");
}

void ResourceOptions::declare(Invocation& call) {
  declare_limits(call);
  call.option("--oom", "job|process", oom_,
              "What is killed at the memory limit: the whole job (job), or one process of it.");
  call.option("--time", "TIME", time_, "The longest it may run, such as 90s or 2h.");
  call.flag("--count-paused", count_paused_,
            "The time limit goes on while the job is paused; else it stands still.");
  call.option(
      "--lease", "TIME", lease_,
      "End it where it runs when its worker has no contact with the scheduler for so long.");
  call.option("--cpu-weight", "NUMBER", cpu_weight_,
              "Its share of the processors among the user's jobs, 1 to 10000 (100); above 100 for "
              "operators only.");
  call.option(
      "--io-weight", "NUMBER", io_weight_,
      "Its share of disk input and output, 1 to 10000 (100); above 100 for operators only.");
  call.option("--nice", "NUMBER", nice_,
              "Its niceness, -20 to 19 (0); below 0 for operators only.");
  call.option("--umask", "MASK", umask_, "Its file mode creation mask (022).");
  call.flag("--allow-new-privileges", allow_new_privileges_,
            "Let set-user-id programs such as sudo work in it.");
}

Result<void> ResourceOptions::read_limits(Resources& resources) const {
  ErrorList errors;
  take<std::int64_t>(
      errors, memory_,
      [&] { return above_zero(read_size(memory_, "--memory"), memory_, "--memory"); },
      resources.memory_bytes);
  take<std::int64_t>(
      errors, swap_, [&] { return read_size(swap_, "--swap"); }, resources.swap_bytes);
  take<std::int64_t>(
      errors, cpus_, [&] { return above_zero(parse_millicores(cpus_, "--cpus"), cpus_, "--cpus"); },
      resources.cpu_millicores);
  for (const std::string& text : counted_) {
    const auto count = read_count(text);
    if (!count)
      errors.add(count.error());
    else if (!resources.counted.insert(*count).second)
      errors.add(invalid("--resource", in_quotes(count->first) + " is given twice"));
  }
  take_number(errors, tasks_, "--tasks", 1, limits::kTasksMax, resources.tasks);
  return errors.result();
}

Result<void> ResourceOptions::read(JobSpec& spec) const {
  ErrorList errors;
  errors.add(read_limits(spec.resources));
  if (!oom_.empty() && oom_ != "job" && oom_ != "process")
    errors.add(invalid("--oom", in_quotes(oom_) + " is not known; write job or process"));
  if (oom_ == "process") spec.oom_policy = OomPolicy::kProcess;
  take<microseconds>(
      errors, time_, [&] { return parse_duration(time_, "--time"); }, spec.run_time_limit);
  take<microseconds>(
      errors, lease_, [&] { return parse_duration(lease_, "--lease"); }, spec.lease);
  spec.count_paused = count_paused_;
  spec.allow_new_privileges = allow_new_privileges_;
  take_number(errors, cpu_weight_, "--cpu-weight", 1, limits::kWeightMax, spec.cpu_weight);
  take_number(errors, io_weight_, "--io-weight", 1, limits::kWeightMax, spec.io_weight);
  take_number(errors, nice_, "--nice", -20, 19, spec.nice);
  take<std::uint32_t>(
      errors, umask_, [&] { return read_umask(umask_); }, spec.umask);
  return errors.result();
}

}  // namespace takt::cli
