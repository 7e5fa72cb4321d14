// SPDX-License-Identifier: Apache-2.0
#include "attempt/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

namespace takt::attempt {
namespace {

LaunchPlan full_plan() {
  return LaunchPlan{.job_id = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61",
                    .attempt = 3,
                    .unit = "takt-job-x.3.scope",
                    .uid = 1000,
                    .gid = 1001,
                    .groups = {4, 27, 1001},
                    .argv = {"sh", "-c", "echo \xff\n", ""},
                    .environment = {"PATH=/bin", "EMPTY=", "LINES=a\nb"},
                    .search_path = "/usr/bin:/bin",
                    .working_directory = "/srv/work",
                    .fallback_directories = {"/home/u", "/"},
                    .umask = 0077,
                    .nice = -5,
                    .no_new_privs = true,
                    .stdin_data = std::string("in\0put", 6),
                    .rlimits = {{.resource = 7, .soft = 1024, .hard = ~0ULL, .required = true}},
                    .limits = {.memory_bytes = 5, .swap_bytes = 6, .oom_group = false, .tasks = 7},
                    .run_time_limit = microseconds(8),
                    .count_paused = true,
                    .lease = std::chrono::minutes(10),
                    .contact_path = "/x/contact",
                    .last_contact = BootTime(nanoseconds(9)),
                    .stop_signal = 2,
                    .stop_target = StopTarget::kLeader,
                    .grace = microseconds(1'500'000),
                    .output_cap_bytes = 1ULL << 40,
                    .free_min_bytes = 1ULL << 30,
                    .journal = false,
                    .syslog_identifier = "build",
                    .journal_socket = "/run/x"};
}

TEST(Plan, ComesBackTheSame) {
  EXPECT_EQ(decode_plan(encode_plan(full_plan()).value()).value(), full_plan());
}

TEST(Plan, MinimalComesBackTheSame) {
  LaunchPlan plan;
  plan.job_id = full_plan().job_id;
  plan.attempt = 1;
  plan.argv = {"/bin/true"};
  const LaunchPlan back = decode_plan(encode_plan(plan).value()).value();
  EXPECT_EQ(back, plan);
  EXPECT_FALSE(back.stdin_data.has_value()) << "no stdin is not an empty stdin";
}

TEST(Plan, AnyCutIsDataLoss) {
  const std::string bytes = encode_plan(full_plan()).value();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto plan = decode_plan(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(plan.ok()) << size;
    EXPECT_EQ(plan.error().code, ErrorCode::kDataLoss);
  }
  EXPECT_FALSE(decode_plan(bytes + "x").ok());
}

TEST(Plan, AnyFlippedBitIsDataLoss) {
  const std::string bytes = encode_plan(full_plan()).value();
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string changed = bytes;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << (i % 8)));
    ASSERT_FALSE(decode_plan(changed).ok()) << "bit " << i;
  }
}

// Behind a right checksum, wrong fields must be seen as well: CRC32 is no protection.
std::string reframed(std::string bytes) {
  const auto crc = [&] {
    std::uint32_t value = ~0U;
    for (std::size_t i = 13; i < bytes.size(); ++i) {
      value ^= static_cast<std::uint8_t>(bytes[i]);
      for (int bit = 0; bit < 8; ++bit)
        value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320U : value >> 1;
    }
    return ~value;
  }();
  const auto length = static_cast<std::uint32_t>(bytes.size() - 13);
  for (unsigned i = 0; i < 4; ++i) {
    bytes[5 + i] = static_cast<char>((length >> (8 * i)) & 0xff);
    bytes[9 + i] = static_cast<char>((crc >> (8 * i)) & 0xff);
  }
  return bytes;
}

TEST(Plan, HostileFieldsBehindARightChecksumNeverCrash) {
  const std::string bytes = encode_plan(full_plan()).value();
  ASSERT_TRUE(decode_plan(reframed(bytes)).ok()) << "the test's own framing is right";
  std::mt19937 random(1);  // NOLINT: the same bytes each time
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string changed = bytes;
    for (int change = 0; change < 3; ++change)
      changed[13 + random() % (changed.size() - 13)] = static_cast<char>(random());
    if (round % 3 == 0) changed.resize(13 + random() % (changed.size() - 13));
    const auto plan = decode_plan(reframed(changed));
    if (!plan) {
      ++refused;
      continue;
    }
    EXPECT_TRUE(encode_plan(*plan).ok()) << "what decodes is within bounds";
  }
  EXPECT_GT(refused, 5000);
}

TEST(Plan, BoundsNameTheField) {
  const auto field_of = [](const std::function<void(LaunchPlan&)>& change) {
    LaunchPlan plan = full_plan();
    change(plan);
    const auto bytes = encode_plan(plan);
    return bytes ? std::string("accepted") : bytes.error().field;
  };
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.argv.clear(); }), "argv");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.argv[0] = ""; }), "argv");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.argv[1] = std::string("a\0b", 3); }), "argv");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.argv.resize(limits::kArgvMax + 1); }), "argv");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.environment.resize(5000); }), "environment");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.job_id = "1"; }), "job_id");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.attempt = 0; }), "attempt");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.stop_signal = 0; }), "stop_signal");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.grace = microseconds(-1); }), "grace");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.nice = 20; }), "nice");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.lease = std::chrono::seconds(9); }), "lease");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.contact_path.clear(); }), "contact_path");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.umask = 010000; }), "umask");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.working_directory.assign(5000, 'x'); }),
            "working_directory");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.stdin_data = std::string(kPlanMaxBytes, 'x'); }),
            "spec");
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.uid = static_cast<uid_t>(-1); }), "user")
      << "setresuid(-1) would leave it root";
  EXPECT_EQ(field_of([](LaunchPlan& p) { p.gid = static_cast<gid_t>(-1); }), "group");
}

}  // namespace
}  // namespace takt::attempt
