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
       {"scheduler.store_max", {{"16M", "1024T"}, {"", "0", "15M", "1025T"}}},
       {"scheduler.log_level", {{"debug"}, {"", "7"}}},
       {"workers.user", {{"takt-worker"}, {"", "0"}}},
       {"workers.unreachable_after", {{"10s", "1h"}, {"", "9s", "61min", "soon"}}},
       {"workers.lost_after", {{"30s", "24h"}, {"", "29s", "25h", "soon"}}},
       {"queue.jobs_max", {{"1", "999999"}, {"", "0", "1000001"}}},
       {"queue.jobs_of_user_max", {{"1", "999999"}, {"", "0", "1000001"}}},
       {"queue.priority_max", {{"-1000", "1000"}, {"", "1001", "high"}}},
       {"queue.placement", {{"pack"}, {"", "Spread", "random"}}},
       {"history.retain_time", {{"1min", "3650d"}, {"", "59s", "3651d", "soon"}}},
       {"history.retain_jobs", {{"1", "10000000"}, {"", "0", "10000001"}}},
       {"access.group", {{"staff"}, {"", "0"}}},
       {"access.admin_group", {{"wheel"}, {"", "0"}}},
       {"access.see", {{"all"}, {"", "All", "none"}}},
       {"limits.connections_of_account_max", {{"1", "4096"}, {"", "0", "4097"}}},
       {"limits.requests_of_account_max", {{"1", "16384"}, {"", "0", "16385"}}},
       {"limits.requests_per_second_of_account_max", {{"1", "1000000"}, {"", "0", "1000001"}}},
       {"limits.readers_of_account_max", {{"1", "1024"}, {"", "0", "1025"}}},
       {"limits.spec_bytes_of_account_max", {{"1M", "1T"}, {"", "0", "1023K", "2T"}}},
       {"limits.watchers_of_account_max", {{"1", "1024"}, {"", "0", "1025"}}},
       {"compat.listen", {{"127.0.0.1:1, [::]:2"}, {"unix:/a", "h:1", "a"}}},
       {"compat.insecure", {{"yes"}, {"", "maybe"}}},
       {"compat.slots", {{"1", "1000"}, {"", "0", "1001", "x"}}},
       {"tls.certificate", {{"/a"}, {"", "a"}}},
       {"tls.key", {{"/a"}, {"", "a"}}},
       {"tls.ca", {{"/a"}, {"", "a"}}}});
}

TEST(SchedulerConfig, RefusesPlainTextTcpUnlessToldSo) {
  SchedulerConfig config;
  config.listen = {"0.0.0.0:7070"};
  EXPECT_EQ(complete(config).error().field, "scheduler.listen");
  config.insecure = true;
  EXPECT_TRUE(complete(config).ok());
  config.insecure = false;
  config.tls = {"/a", "/b", "/c"};
  EXPECT_TRUE(complete(config).ok());
  config.compat_listen = {"127.0.0.1:7071"};
  EXPECT_EQ(complete(config).error().field, "compat.listen") << "TLS does not help";
  config.compat_insecure = true;
  EXPECT_TRUE(complete(config).ok());
}

TEST(Tls, TakesAllThreeOrNone) {
  TlsConfig tls;
  EXPECT_TRUE(complete_tls(tls, "").ok());
  tls.certificate = "/a";
  EXPECT_EQ(complete_tls(tls, "").error().field, "tls.key");
  tls.key = "/b";
  EXPECT_EQ(complete_tls(tls, "").error().field, "tls.ca");
  tls.ca = "/c";
  EXPECT_TRUE(complete_tls(tls, "").ok());
}

TEST(Tls, TakesFromSystemdWhatIsNotGiven) {
  Folder folder;
  folder.write("takt.crt", "");
  folder.write("takt.key", "");
  TlsConfig tls;
  EXPECT_EQ(complete_tls(tls, folder.path("")).error().field, "tls.ca");
  folder.write("takt.ca", "");
  tls = {.certificate = "/mine", .key = "", .ca = ""};
  EXPECT_TRUE(complete_tls(tls, folder.path("")).ok());
  EXPECT_EQ(tls.certificate, "/mine");
  EXPECT_TRUE(tls.key.ends_with("/takt.key"));
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
