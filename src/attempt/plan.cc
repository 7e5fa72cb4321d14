// SPDX-License-Identifier: Apache-2.0
#include "attempt/plan.h"

#include <array>
#include <csignal>

#include "attempt/wire.h"
#include "base/codec.h"

// The encoded form: magic, version, length of the body, CRC32 of the body, body.
namespace takt::attempt {
namespace {

constexpr std::string_view kPlanMagic = "TAKP";
constexpr std::size_t kHeaderBytes = 4 + 1 + 4 + 4;
constexpr std::size_t kJobIdBytes = 36;
constexpr std::size_t kDirectoriesMax = 16;
constexpr std::size_t kPathMaxBytes = 4096;
constexpr std::size_t kSocketPathMaxBytes = 107;
constexpr std::size_t kIdentifierMaxBytes = 256;
constexpr std::int64_t kNoTimeLimit = -1;
constexpr std::uint64_t kNoFreeMin = ~std::uint64_t{0};

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Result<void> check_text(const std::string& text, const char* field, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return invalid(field, "longer than " + std::to_string(max_bytes) + " bytes");
  if (has_nul(text)) return invalid(field, "holds a NUL byte");
  return {};
}

Result<void> check_list(const std::vector<std::string>& list, const char* field, std::size_t max) {
  if (list.size() > max)
    return invalid(field, "has more than " + std::to_string(max) + " elements");
  for (const std::string& text : list)
    if (has_nul(text)) return invalid(field, "an element holds a NUL byte");
  return {};
}

Result<void> check_numbers(const LaunchPlan& plan) {
  if (plan.attempt == 0) return invalid("attempt", "0 is no attempt; they count from 1");
  // To setresuid(2) and its like, -1 means "leave it": the job would stay root.
  if (plan.uid == static_cast<uid_t>(-1)) return invalid("user", "uid -1 is no user");
  if (plan.gid == static_cast<gid_t>(-1)) return invalid("group", "gid -1 is no group");
  if (plan.groups.size() > kPlanGroupsMax) return invalid("groups", "more than the kernel takes");
  if (plan.rlimits.size() > kPlanRlimitsMax) return invalid("rlimits", "more than 64 limits");
  if (plan.stop_signal < 1 || plan.stop_signal > SIGRTMAX)
    return invalid("stop_signal", std::to_string(plan.stop_signal) + " is not a signal");
  if (plan.stop_target != StopTarget::kLeader && plan.stop_target != StopTarget::kAll)
    return invalid("stop_target", "is neither leader nor all");
  if (plan.grace < microseconds(0) || plan.grace > limits::kStopGraceMax)
    return invalid("grace", "is not between 0 and 24h");
  if (plan.nice < -20 || plan.nice > 19) return invalid("nice", "is not between -20 and 19");
  if ((plan.umask & ~mode_t{0777}) != 0) return invalid("umask", "is more than 0777");
  if (plan.run_time_limit &&
      (*plan.run_time_limit <= microseconds(0) || *plan.run_time_limit > limits::kRunTimeLimitMax))
    return invalid("run_time_limit", "is not above 0, up to 365 days");
  if (plan.lease && (*plan.lease < limits::kLeaseMin || *plan.lease > limits::kLeaseMax))
    return invalid("lease", "is not from 10 s to 365 days");
  if (plan.lease && plan.contact_path.empty())
    return invalid("contact_path", "is empty, where there is a lease");
  if (plan.limits.memory_bytes == 0 && plan.limits.swap_bytes != 0)
    return invalid("swap_bytes", "is given without memory_bytes");
  return {};
}

// Both sides check: the worker to refuse early, the supervisor because it runs as root.
Result<void> check_plan(const LaunchPlan& plan) {
  if (plan.job_id.size() != kJobIdBytes) return invalid("job_id", "is not 36 characters long");
  if (plan.argv.empty()) return invalid("argv", "is empty");
  if (plan.argv[0].empty()) return invalid("argv", "its first element is empty");
  const std::array<Result<void>, 11> checks{
      check_numbers(plan),
      check_text(plan.job_id, "job_id", kJobIdBytes),
      check_text(plan.unit, "unit", kIdentifierMaxBytes),
      check_text(plan.search_path, "search_path", limits::kSpecMaxBytes),
      check_text(plan.working_directory, "working_directory", kPathMaxBytes),
      check_text(plan.syslog_identifier, "syslog_identifier", kIdentifierMaxBytes),
      check_text(plan.contact_path, "contact_path", kPathMaxBytes),
      check_text(plan.journal_socket, "journal_socket", kSocketPathMaxBytes),
      check_list(plan.argv, "argv", limits::kArgvMax),
      check_list(plan.environment, "environment", limits::kEnvironmentMax),
      check_list(plan.fallback_directories, "fallback_directories", kDirectoriesMax)};
  for (const Result<void>& check : checks)
    if (!check) return check;
  return {};
}

void encode_limits(WireWriter& out, const LaunchPlan& plan) {
  const CgroupLimits& most = plan.limits;
  for (const std::uint64_t number : {most.memory_bytes, most.swap_bytes, most.tasks,
                                     most.cpu_millicores, most.cpu_weight, most.io_weight})
    out.number(number);
  out.flag(most.oom_group);
  out.number(
      static_cast<std::int64_t>(plan.run_time_limit ? plan.run_time_limit->count() : kNoTimeLimit));
  out.flag(plan.count_paused);
  out.number(static_cast<std::int64_t>(plan.lease ? plan.lease->count() : kNoTimeLimit));
  out.text(plan.contact_path);
  out.number(static_cast<std::int64_t>(plan.last_contact.time_since_epoch().count()));
}

std::string encode_body(const LaunchPlan& plan) {
  WireWriter out;
  out.text(plan.job_id);
  out.number(plan.attempt);
  out.text(plan.unit);
  out.number(plan.uid);
  out.number(plan.gid);
  out.number(static_cast<std::uint32_t>(plan.groups.size()));
  for (const gid_t group : plan.groups) out.number(group);
  out.texts(plan.argv);
  out.texts(plan.environment);
  out.text(plan.search_path);
  out.text(plan.working_directory);
  out.texts(plan.fallback_directories);
  out.number(static_cast<std::uint32_t>(plan.umask));
  out.number(static_cast<std::int32_t>(plan.nice));
  out.flag(plan.no_new_privs);
  out.flag(plan.stdin_data.has_value());
  out.text(plan.stdin_data.value_or(""));
  out.number(static_cast<std::uint32_t>(plan.rlimits.size()));
  for (const ResourceLimit& limit : plan.rlimits) {
    out.number(static_cast<std::int32_t>(limit.resource));
    out.number(limit.soft);
    out.number(limit.hard);
    out.flag(limit.required);
  }
  out.number(static_cast<std::int32_t>(plan.stop_signal));
  out.number(static_cast<std::uint8_t>(plan.stop_target));
  out.number(static_cast<std::int64_t>(plan.grace.count()));
  out.number(plan.output_cap_bytes);
  out.number(plan.free_min_bytes.value_or(kNoFreeMin));
  out.flag(plan.journal);
  out.text(plan.syslog_identifier);
  out.text(plan.journal_socket);
  encode_limits(out, plan);
  return out.take();
}

void decode_limits(WireReader& in, LaunchPlan& plan) {
  CgroupLimits& most = plan.limits;
  for (std::uint64_t* number : {&most.memory_bytes, &most.swap_bytes, &most.tasks,
                                &most.cpu_millicores, &most.cpu_weight, &most.io_weight})
    *number = in.number<std::uint64_t>();
  most.oom_group = in.flag();
  const auto limit_us = in.number<std::int64_t>();
  if (limit_us != kNoTimeLimit) plan.run_time_limit = microseconds(limit_us);
  plan.count_paused = in.flag();
  const auto lease_us = in.number<std::int64_t>();
  if (lease_us != kNoTimeLimit) plan.lease = microseconds(lease_us);
  plan.contact_path = in.text();
  plan.last_contact = BootTime(nanoseconds(in.number<std::int64_t>()));
}

void decode_identity(WireReader& in, LaunchPlan& plan) {
  plan.job_id = in.text();
  plan.attempt = in.number<std::uint32_t>();
  plan.unit = in.text();
  plan.uid = in.number<uid_t>();
  plan.gid = in.number<gid_t>();
  plan.groups.resize(in.count(kPlanGroupsMax, sizeof(gid_t)));
  for (gid_t& group : plan.groups) group = in.number<gid_t>();
}

void decode_process(WireReader& in, LaunchPlan& plan) {
  plan.argv = in.texts(limits::kArgvMax);
  plan.environment = in.texts(limits::kEnvironmentMax);
  plan.search_path = in.text();
  plan.working_directory = in.text();
  plan.fallback_directories = in.texts(kDirectoriesMax);
  plan.umask = in.number<std::uint32_t>();
  plan.nice = in.number<std::int32_t>();
  plan.no_new_privs = in.flag();
  const bool has_stdin = in.flag();
  std::string stdin_data = in.text();
  if (has_stdin) plan.stdin_data = std::move(stdin_data);
  constexpr std::size_t kRlimitBytes = 4 + 8 + 8 + 1;
  plan.rlimits.resize(in.count(kPlanRlimitsMax, kRlimitBytes));
  for (ResourceLimit& limit : plan.rlimits) {
    limit.resource = in.number<std::int32_t>();
    limit.soft = in.number<std::uint64_t>();
    limit.hard = in.number<std::uint64_t>();
    limit.required = in.flag();
  }
}

void decode_handling(WireReader& in, LaunchPlan& plan) {
  plan.stop_signal = in.number<std::int32_t>();
  plan.stop_target = static_cast<StopTarget>(in.number<std::uint8_t>());
  plan.grace = microseconds(in.number<std::int64_t>());
  plan.output_cap_bytes = in.number<std::uint64_t>();
  const auto free_min = in.number<std::uint64_t>();
  if (free_min != kNoFreeMin) plan.free_min_bytes = free_min;
  plan.journal = in.flag();
  plan.syslog_identifier = in.text();
  plan.journal_socket = in.text();
}

Error torn(const std::string& how) {
  return make_error(ErrorCode::kDataLoss, "the launch plan is damaged: " + how);
}

}  // namespace

Result<std::string> encode_plan(const LaunchPlan& plan) {
  auto checked = check_plan(plan);
  if (!checked) return checked.error();
  const std::string body = encode_body(plan);
  if (body.size() + kHeaderBytes > kPlanMaxBytes)
    return invalid("spec",
                   "the launch plan is larger than " + std::to_string(kPlanMaxBytes) + " bytes");
  WireWriter header;
  header.number(kPlanVersion);
  header.number(static_cast<std::uint32_t>(body.size()));
  header.number(crc32(body));
  return std::string(kPlanMagic) + header.take() + body;
}

Result<LaunchPlan> decode_plan(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.size() > kPlanMaxBytes || !bytes.starts_with(kPlanMagic))
    return torn("no header");
  WireReader header(bytes.substr(kPlanMagic.size(), kHeaderBytes - kPlanMagic.size()));
  const auto version = header.number<std::uint8_t>();
  const auto length = header.number<std::uint32_t>();
  const auto sum = header.number<std::uint32_t>();
  if (version != kPlanVersion) return torn("version " + std::to_string(version) + " is unknown");
  const std::string_view body = bytes.substr(kHeaderBytes);
  if (body.size() != length) return torn("its length is wrong");
  if (crc32(body) != sum) return torn("its checksum is wrong");
  WireReader in(body);
  LaunchPlan plan;
  decode_identity(in, plan);
  decode_process(in, plan);
  decode_handling(in, plan);
  decode_limits(in, plan);
  if (!in.complete()) return torn("its fields do not fill it");
  auto checked = check_plan(plan);
  if (!checked) return torn(checked.error().message);
  return plan;
}

}  // namespace takt::attempt
