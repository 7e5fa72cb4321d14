// SPDX-License-Identifier: Apache-2.0
#include "config/scheduler_config.h"

#include <gtest/gtest.h>

#include "config/docs.h"
#include "config/files.h"
#include "unit/config/folder.h"
#include "unit/config/key_cases.h"

namespace takt::config {
namespace {

TEST(SchedulerKeys, HaveDefaultsAndBounds) {
  check_table<SchedulerConfig>(
      scheduler_keys(),
      {{"scheduler.state_directory", {{"/srv/takt"}, {"", "srv"}}},
       {"scheduler.listen", {{"unix:/a, 0.0.0.0:1"}, {"a", "h:1"}}},
       {"scheduler.insecure", {{"yes"}, {"", "maybe"}}},
       {"scheduler.log_level", {{"debug"}, {"", "7"}}},
       {"workers.user", {{"takt-worker"}, {"", "0"}}},
       {"workers.unreachable_after", {{"10s", "1h"}, {"", "9s", "61min", "soon"}}},
       {"access.group", {{"staff"}, {"", "0"}}},
       {"access.admin_group", {{"wheel"}, {"", "0"}}},
       {"compat.listen", {{"127.0.0.1:1, [::]:2"}, {"unix:/a", "h:1", "a"}}},
       {"compat.insecure", {{"yes"}, {"", "maybe"}}},
       {"compat.slots", {{"1", "1000"}, {"", "0", "1001", "x"}}}});
}

TEST(SchedulerConfig, RefusesPlainTextTcpUnlessToldSo) {
  SchedulerConfig config;
  config.listen = {"0.0.0.0:7070"};
  EXPECT_EQ(complete(config).error().field, "scheduler.listen");
  config.insecure = true;
  EXPECT_TRUE(complete(config).ok());
  config.compat_listen = {"127.0.0.1:7071"};
  EXPECT_EQ(complete(config).error().field, "compat.listen");
  config.compat_insecure = true;
  EXPECT_TRUE(complete(config).ok());
}

TEST(SchedulerConfig, TheSampleFileSaysTheDefaults) {
  Folder folder;
  const std::string path = folder.write("s.conf", uncommented(sample_file(scheduler_file())));
  const auto sample = load_scheduler_config({.main_file = path, .overrides = {}});
  ASSERT_TRUE(sample.ok()) << sample.error().message;
  EXPECT_EQ(*sample, SchedulerConfig());
}

}  // namespace
}  // namespace takt::config
