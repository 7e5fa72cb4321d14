// SPDX-License-Identifier: Apache-2.0
#include "cli/resource_options.h"

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
              "Its share of the processors among the worker's jobs, 1 to 10000 (100).");
  call.option("--io-weight", "NUMBER", io_weight_,
              "Its share of disk input and output, 1 to 10000 (100).");
  call.option("--nice", "NUMBER", nice_, "Its niceness, -20 to 19 (0).");
  call.option("--umask", "MASK", umask_, "Its file mode creation mask (022).");
  call.flag("--allow-new-privileges", allow_new_privileges_,
            "Let set-user-id programs such as sudo work in it.");
}

Result<void> ResourceOptions::read_limits(Resources& resources) const {
  if (!memory_.empty()) {
    auto memory = above_zero(read_size(memory_, "--memory"), memory_, "--memory");
    if (!memory) return memory.error();
    resources.memory_bytes = *memory;
  }
  if (!swap_.empty()) {
    auto swap = read_size(swap_, "--swap");
    if (!swap) return swap.error();
    resources.swap_bytes = *swap;
  }
  if (!cpus_.empty()) {
    auto cpus = above_zero(parse_millicores(cpus_, "--cpus"), cpus_, "--cpus");
    if (!cpus) return cpus.error();
    resources.cpu_millicores = *cpus;
  }
  for (const std::string& text : counted_) {
    auto count = read_count(text);
    if (!count) return count.error();
    if (!resources.counted.insert(*count).second)
      return invalid("--resource", in_quotes(count->first) + " is given twice");
  }
  if (tasks_.empty()) return {};
  auto tasks = parse_integer(tasks_, "--tasks", 1, limits::kTasksMax);
  if (!tasks) return tasks.error();
  resources.tasks = *tasks;
  return {};
}

Result<void> ResourceOptions::read(JobSpec& spec) const {
  if (auto limits = read_limits(spec.resources); !limits) return limits;
  if (!oom_.empty() && oom_ != "job" && oom_ != "process")
    return invalid("--oom", in_quotes(oom_) + " is not known; write job or process");
  if (oom_ == "process") spec.oom_policy = OomPolicy::kProcess;
  if (!time_.empty()) {
    auto time = parse_duration(time_, "--time");
    if (!time) return time.error();
    spec.run_time_limit = *time;
  }
  if (!lease_.empty()) {
    auto lease = parse_duration(lease_, "--lease");
    if (!lease) return lease.error();
    spec.lease = *lease;
  }
  spec.count_paused = count_paused_;
  spec.allow_new_privileges = allow_new_privileges_;
  const auto number = [](const std::string& text, const char* option, std::int64_t low,
                         std::int64_t high, auto& target) -> Result<void> {
    if (text.empty()) return {};
    auto value = parse_integer(text, option, low, high);
    if (!value) return value.error();
    target = static_cast<std::decay_t<decltype(target)>>(*value);
    return {};
  };
  const Result<void> numbers[]{
      number(cpu_weight_, "--cpu-weight", 1, limits::kWeightMax, spec.cpu_weight),
      number(io_weight_, "--io-weight", 1, limits::kWeightMax, spec.io_weight),
      number(nice_, "--nice", -20, 19, spec.nice)};
  for (const Result<void>& read : numbers)
    if (!read) return read;
  if (umask_.empty()) return {};
  auto mask = read_umask(umask_);
  if (!mask) return mask.error();
  spec.umask = *mask;
  return {};
}

}  // namespace takt::cli
