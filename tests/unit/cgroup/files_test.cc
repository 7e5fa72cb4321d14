// SPDX-License-Identifier: Apache-2.0
#include "cgroup/files.h"

#include <gtest/gtest.h>

#include <string>

namespace takt::cgroup {
namespace {

using std::chrono::microseconds;

TEST(FlatKeyed, ReadsLinesAndIgnoresOddOnes) {
  const auto values = parse_flat_keyed("populated 1\nfrozen 0\nodd\nthree words here\nx y\n");
  EXPECT_EQ(values.size(), 2U);
  EXPECT_EQ(find_value(values, "populated"), 1U);
  EXPECT_EQ(find_value(values, "frozen"), 0U);
  EXPECT_EQ(find_value(values, "x"), std::nullopt);
}

TEST(Number, MaxIsAbsent) {
  EXPECT_EQ(parse_number("4096\n"), 4096U);
  EXPECT_EQ(parse_number("max\n"), std::nullopt);
  EXPECT_EQ(parse_number(""), std::nullopt);
  EXPECT_EQ(parse_number("-1\n"), std::nullopt);
  EXPECT_EQ(parse_number("1 2\n"), std::nullopt);
}

TEST(Pids, LeavesOutForeignOnes) {
  EXPECT_EQ(parse_pids("12\n0\n7\nx\n"), (std::vector<pid_t>{12, 7}));
  EXPECT_TRUE(parse_pids("").empty());
}

TEST(Words, Split) {
  EXPECT_EQ(parse_words("cpu io memory\n"), (std::vector<std::string>{"cpu", "io", "memory"}));
  EXPECT_TRUE(parse_words("\n").empty());
}

TEST(CpuStat, ReadsMicroseconds) {
  const CpuStat stat =
      parse_cpu_stat("usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 0\n");
  EXPECT_EQ(stat.usage, microseconds(30));
  EXPECT_EQ(stat.user, microseconds(20));
  EXPECT_EQ(stat.system, microseconds(10));
  EXPECT_EQ(parse_cpu_stat("").usage, std::nullopt) << "unknown, not 0";
}

TEST(IoStat, SumsDevices) {
  const IoStat stat = parse_io_stat(
      "8:0 rbytes=100 wbytes=50 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n");
  EXPECT_EQ(stat.read_bytes, 101U);
  EXPECT_EQ(stat.write_bytes, 52U);
  EXPECT_EQ(parse_io_stat("").read_bytes, std::nullopt) << "unknown, not 0";
}

TEST(ProcessCgroup, TakesTheUnifiedLine) {
  EXPECT_EQ(parse_process_cgroup("9:name=systemd:/x\n0::/a.slice/b.scope\n"), "/a.slice/b.scope");
  EXPECT_EQ(parse_process_cgroup("0::/\n"), "/");
  EXPECT_EQ(parse_process_cgroup("0::/gone (deleted)\n"), "/gone");
  EXPECT_EQ(parse_process_cgroup("1:cpu:/x\n"), std::nullopt);
  EXPECT_EQ(parse_process_cgroup("0::\n"), std::nullopt);
}

TEST(Mount, FindsUnifiedAndHybrid) {
  EXPECT_EQ(
      parse_cgroup2_mount("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"),
      (Mount{.root = "/", .point = "/sys/fs/cgroup"}));
  EXPECT_EQ(parse_cgroup2_mount("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                                "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                                "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
            (Mount{.root = "/", .point = "/sys/fs/cgroup/unified"}));
}

TEST(Mount, UndoesEscapesAndKeepsTheRoot) {
  EXPECT_EQ(parse_cgroup2_mount("1 2 0:3 /docker/x /a\\040b rw - cgroup2 none rw\n"),
            (Mount{.root = "/docker/x", .point = "/a b"}));
}

TEST(Mount, OddTextHasNone) {
  for (const std::string odd :
       {"", "cgroup2", "1 2 3 4 5 6 -", "- cgroup2", "1 2 0:3 / /x rw cgroup2\n"})
    EXPECT_EQ(parse_cgroup2_mount(odd), std::nullopt) << odd;
}

}  // namespace
}  // namespace takt::cgroup
