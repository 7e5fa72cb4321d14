// SPDX-License-Identifier: Apache-2.0
#include "config/worker_config.h"

#include <gtest/gtest.h>

#include <string>

#include "config/docs.h"
#include "config/files.h"
#include "unit/config/folder.h"
#include "unit/config/key_cases.h"

namespace takt::config {
namespace {

const WorkerHost kHost{.host_name = "db-1", .processors = 8, .supervisor = "/x/takt-supervisor"};

TEST(WorkerKeys, HaveDefaultsAndBounds) {
  check_table<WorkerConfig>(
      worker_keys(),
      {{"worker.name", {{"w1"}, {"", "a b"}}},
       {"worker.state_directory", {{"/srv/takt"}, {"", "srv"}}},
       {"worker.labels", {{"role=db, zone=a"}, {"role"}}},
       {"worker.resources",
        {{"gpu=2", "gpu=0, license=1000000000"},
         {"gpu", "gpu=", "=2", "gpu=x", "gpu=-1", "gpu=1, gpu=2", "g pu=1", "gpu=1000000001"}}},
       {"worker.listen", {{"unix:/a, 0.0.0.0:1"}, {"a", "h:1"}}},
       {"worker.insecure", {{"yes"}, {"", "maybe"}}},
       {"worker.address", {{"unix:/a", "h:1"}, {"", "none"}}},
       {"worker.supervisor", {{"/x/y"}, {"", "y"}}},
       {"worker.log_level", {{"debug"}, {"", "7"}}},
       {"scheduler.address", {{"none", "h:1"}, {"", "x"}}},
       {"scheduler.user", {{"root"}, {"", "0"}}},
       {"access.group", {{"staff"}, {"", "0"}}},
       {"access.admin_group", {{"wheel"}, {"", "0"}}},
       {"access.direct", {{"yes", "no"}, {"", "tcp"}}},
       {"access.see", {{"all"}, {"", "All", "none"}}},
       {"limits.connections_of_account_max", {{"1", "4096"}, {"", "0", "4097"}}},
       {"limits.requests_of_account_max", {{"1", "16384"}, {"", "0", "16385"}}},
       {"limits.requests_per_second_of_account_max", {{"1", "1000000"}, {"", "0", "1000001"}}},
       {"limits.readers_of_account_max", {{"1", "1024"}, {"", "0", "1025"}}},
       {"jobs.launcher", {{"scope", "cgroup"}, {"", "direct"}}},
       {"jobs.allow_launcher", {{"", "scope", "cgroup"}, {"auto", "scope,", "both"}}},
       {"jobs.default_user", {{"nobody"}, {"", "65534"}}},
       {"jobs.allow_root", {{"yes"}, {"", "2"}}},
       {"jobs.users", {{"", "db-*, alice"}, {"alice bob", "a,,b"}}},
       {"jobs.denied_environment", {{"LD_*, PYTHON*"}, {"LD_* PYTHON*"}}},
       {"jobs.commands", {{"", "/srv/jobs/*, /usr/bin/rsync"}, {"/bin/a /bin/b", "a,,b"}}},
       {"jobs.memory_max", {{"1M", "1024T"}, {"", "0", "1025T"}}},
       {"jobs.cpus_max", {{"0.01", "8192"}, {"", "0", "0.001", "8193", "two"}}},
       {"jobs.tasks_max", {{"1", "4194304"}, {"", "0", "4194305"}}},
       {"jobs.time_max", {{"1s", "365d"}, {"", "0", "366d"}}},
       {"jobs.starts_at_once", {{"1", "1000"}, {"", "0", "1001", "-1", "2.5"}}},
       {"jobs.slots", {{"1", "100000"}, {"", "-1", "100001"}}},
       {"jobs.output_cap", {{"1M", "1T"}, {"", "0", "1048575", "2T", "lots"}}},
       {"jobs.free_min", {{"0", "1024T"}, {"", "-1", "1025T", "5%"}}},
       {"jobs.retain_time", {{"1min", "3650d"}, {"", "59s", "3651d", "long"}}},
       {"jobs.retain_bytes", {{"1M", "1024T"}, {"", "0", "1025T"}}},
       {"jobs.retain_attempts", {{"1", "10000000"}, {"", "0", "10000001"}}},
       {"jobs.journal", {{"no"}, {"", "sometimes"}}},
       {"jobs.cgroup", {{"takt-a"}, {"", "a/b", ".."}}},
       {"compat.listen", {{"127.0.0.1:1, [::]:2"}, {"unix:/a", "h:1", "a"}}},
       {"compat.insecure", {{"yes"}, {"", "maybe"}}},
       {"compat.scripts", {{"/srv/scripts"}, {"", "srv", "/srv/../etc"}}},
       {"tls.certificate", {{"/a"}, {"", "a"}}},
       {"tls.key", {{"/a"}, {"", "a"}}},
       {"tls.ca", {{"/a"}, {"", "a"}}}});
}

TEST(WorkerConfig, TakesFromTheHostWhatIsNotGiven) {
  WorkerConfig config;
  ASSERT_TRUE(complete(config, kHost).ok());
  EXPECT_EQ(config.name, "db-1");
  EXPECT_EQ(config.address, "unix:/run/takt/worker.sock");
  EXPECT_EQ(config.supervisor, "/x/takt-supervisor");
  EXPECT_EQ(config.slots, 32);
  EXPECT_EQ(config.cgroup, "");
}

TEST(WorkerConfig, KeepsWhatIsGiven) {
  WorkerConfig config;
  config.name = "w";
  config.address = "h:1";
  config.supervisor = "/y";
  config.slots = 3;
  const WorkerConfig given = config;
  ASSERT_TRUE(complete(config, kHost).ok());
  EXPECT_EQ(config, given);
}

TEST(WorkerConfig, ASmallHostHasSixteenSlots) {
  WorkerConfig config;
  ASSERT_TRUE(complete(config, {.host_name = "a", .processors = 1, .supervisor = "/s"}).ok());
  EXPECT_EQ(config.slots, 16);
}

TEST(WorkerConfig, TheSchedulerDialsTheFirstUnixSocket) {
  WorkerConfig config;
  config.listen = {"127.0.0.1:7070", "unix:/tmp/w.sock"};
  config.insecure = true;
  ASSERT_TRUE(complete(config, kHost).ok());
  EXPECT_EQ(config.address, "unix:/tmp/w.sock");
}

TEST(WorkerConfig, NeedsAnAddressForASchedulerOnAnotherHost) {
  WorkerConfig config;
  config.scheduler_address = "head:7070";
  const auto refused = complete(config, kHost);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "worker.address");
  EXPECT_NE(refused.error().message.find("give HOST:PORT of this worker"), std::string::npos);
  config.address = "db-1:7070";
  EXPECT_TRUE(complete(config, kHost).ok());
  config.address = "";
  config.scheduler_address = "";
  EXPECT_TRUE(complete(config, kHost).ok());
  EXPECT_EQ(config.address, "");
}

TEST(WorkerConfig, RefusesAHostNameThatIsNoName) {
  WorkerConfig config;
  const auto refused = complete(config, {.host_name = "", .processors = 1, .supervisor = "/s"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "worker.name");
  EXPECT_NE(refused.error().message.find("the host's name \"\" will not do"), std::string::npos);
}

TEST(WorkerConfig, RefusesPlainTextTcpAndRootUnlessToldSo) {
  WorkerConfig config;
  config.listen = {"127.0.0.1:7070"};
  config.default_user = "root";
  const auto refused = complete(config, kHost);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "worker.listen");
  EXPECT_NE(refused.error().message.find("\njobs.default_user: \"root\" needs allow_root = yes"),
            std::string::npos);
  config.insecure = true;
  config.allow_root = true;
  EXPECT_TRUE(complete(config, kHost).ok());
}

TEST(WorkerConfig, TheOldWireFormatNeedsAScriptFolderAndTheWordInsecure) {
  WorkerConfig config;
  config.compat_listen = {"127.0.0.1:7071"};
  const auto refused = complete(config, kHost);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().field, "compat.listen");
  EXPECT_NE(refused.error().message.find("insecure = yes"), std::string::npos);
  EXPECT_NE(refused.error().message.find("\ncompat.scripts: not given"), std::string::npos);
  config.compat_insecure = true;
  EXPECT_EQ(complete(config, kHost).error().field, "compat.scripts");
  config.compat_scripts = "/srv/scripts";
  EXPECT_TRUE(complete(config, kHost).ok());
}

TEST(WorkerConfig, LoadsFromFilesWhollyFilledIn) {
  Folder folder;
  const std::string path = folder.write("w.conf",
                                        "[worker]\nlabels = role=db\n[scheduler]\naddress = none\n"
                                        "[jobs]\nlauncher = cgroup\noutput_cap = 2M\n");
  const auto config = load_worker_config({.main_file = path, .overrides = {}});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->labels.at("role"), "db");
  EXPECT_EQ(config->scheduler_address, "");
  EXPECT_EQ(config->launcher, Launcher::kCgroup);
  EXPECT_EQ(config->output_cap_bytes, 2 << 20);
  EXPECT_FALSE(config->name.empty());
  EXPECT_GE(config->slots, 16);
  EXPECT_TRUE(config->supervisor.ends_with("/lib/takt/takt-supervisor"));
}

TEST(WorkerConfig, AReloadTakesWhatItMayAndNamesTheRest) {
  Folder folder;
  const LoadOptions options{.main_file = folder.write("w.conf", "[jobs]\nslots = 3\n"),
                            .overrides = {}};
  auto config = load_worker_config(options);
  ASSERT_TRUE(config.ok()) << config.error().message;
  WorkerConfig expected = *config;
  folder.write("w.conf",
               "[worker]\nlabels = role=db\nname = other\n[jobs]\nslots = 4\nlauncher = cgroup\n");
  const auto reloaded = reload_worker_config(options, *config);
  ASSERT_TRUE(reloaded.ok()) << reloaded.error().message;
  EXPECT_EQ(reloaded->taken, (std::vector<std::string>{"worker.labels", "jobs.slots"}));
  EXPECT_TRUE(reloaded->has("jobs.slots"));
  EXPECT_FALSE(reloaded->has("worker.name"));
  EXPECT_EQ(reloaded->need_restart, (std::vector<std::string>{"worker.name", "jobs.launcher"}));
  expected.labels = {{"role", "db"}};
  expected.slots = 4;
  EXPECT_EQ(*config, expected);

  folder.write("w.conf", "[jobs]\nslots = 5\nslot = 6\n");
  EXPECT_FALSE(reload_worker_config(options, *config).ok());
  EXPECT_EQ(*config, expected) << "of a file with a mistake nothing is taken";
}

TEST(WorkerConfig, TheSampleFileSaysTheDefaults) {
  Folder folder;
  const std::string empty = folder.write("empty.conf", "");
  const std::string path = folder.write("w.conf", uncommented(sample_file(worker_file())));
  const auto sample = load_worker_config({.main_file = path, .overrides = {}});
  ASSERT_TRUE(sample.ok()) << sample.error().message;
  EXPECT_EQ(*sample, load_worker_config({.main_file = empty, .overrides = {}}).value());
}

TEST(Launcher, HasTheNamesOfTheFile) {
  EXPECT_EQ(to_string(Launcher::kAuto), "auto");
  EXPECT_EQ(to_string(Launcher::kScope), "scope");
  EXPECT_EQ(to_string(Launcher::kCgroup), "cgroup");
}

}  // namespace
}  // namespace takt::config
