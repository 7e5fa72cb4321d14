// SPDX-License-Identifier: Apache-2.0
#include "config/daemon_options.h"

#include <gtest/gtest.h>

#include <vector>

namespace takt::config {
namespace {

Result<DaemonOptions> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "takt-worker");
  return parse_daemon_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(DaemonOptions, NoneIsToRunWithTheDefaultFile) {
  const DaemonOptions options = parse({}).value();
  EXPECT_EQ(options.action, DaemonAction::kRun);
  EXPECT_EQ(options.load.main_file, "");
  EXPECT_TRUE(options.load.overrides.empty());
}

TEST(DaemonOptions, TakeValuesInBothForms) {
  const DaemonOptions options =
      parse({"--config", "/a", "--set=jobs.slots=1", "--set", "worker.name=x", "--check-config"})
          .value();
  EXPECT_EQ(options.action, DaemonAction::kCheckConfig);
  EXPECT_EQ(options.load.main_file, "/a");
  EXPECT_EQ(options.load.overrides,
            (std::vector<Override>{{"jobs", "slots", "1"}, {"worker", "name", "x"}}));
  EXPECT_EQ(parse({"--confirm-clock"}).value().action, DaemonAction::kConfirmClock);
  EXPECT_EQ(parse({"--config=/b"}).value().load.main_file, "/b");
}

TEST(DaemonOptions, HelpAndVersionWinOverWhatFollows) {
  EXPECT_EQ(parse({"--help", "--nonsense"}).value().action, DaemonAction::kHelp);
  EXPECT_EQ(parse({"-h"}).value().action, DaemonAction::kHelp);
  EXPECT_EQ(parse({"--version"}).value().action, DaemonAction::kVersion);
}

TEST(DaemonOptions, RefuseWhatTheyDoNotKnow) {
  EXPECT_EQ(parse({"--conf", "/a"}).error().message, "unknown argument \"--conf\"; see --help");
  EXPECT_EQ(parse({"--configure=/a"}).error().message,
            "unknown argument \"--configure=/a\"; see --help");
  EXPECT_EQ(parse({"run"}).error().message, "unknown argument \"run\"; see --help");
  EXPECT_EQ(parse({""}).error().message, "unknown argument \"\"; see --help");
  EXPECT_EQ(parse({"--config"}).error().message, "--config needs a value; see --help");
  EXPECT_EQ(parse({"--config="}).error().message, "--config needs a value; see --help");
  EXPECT_EQ(parse({"--set"}).error().message, "--set needs a value; see --help");
  EXPECT_EQ(parse({"--set", "slots"}).error().message,
            "--set: \"slots\" sets nothing; write SECTION.KEY=VALUE, such as "
            "scheduler.log_level=debug");
}

TEST(DaemonOptions, OnlyWhatHasADatabaseBacksItUp) {
  const char* const arguments[] = {"takt-scheduler", "--backup", "/a", "--set", "queue.jobs_max=1"};
  const auto options = parse_daemon_options(5, arguments, Backups::kYes);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->action, DaemonAction::kBackup);
  EXPECT_EQ(options->backup_file, "/a");
  EXPECT_EQ(options->load.overrides.size(), 1U);
  EXPECT_EQ(parse_daemon_options(2, arguments, Backups::kYes).error().message,
            "--backup needs a value; see --help");
  EXPECT_EQ(parse({"--backup", "/a"}).error().message, "unknown argument \"--backup\"; see --help");
  EXPECT_NE(daemon_help("x", "y", Backups::kYes).find("--backup FILE"), std::string::npos);
  EXPECT_EQ(daemon_help("x", "y").find("--backup"), std::string::npos);
}

TEST(DaemonOptions, HelpNamesEveryOption) {
  const std::string help = daemon_help("takt-worker", "worker.conf");
  for (const char* part : {"Usage: takt-worker", "--config FILE", "/etc/takt/worker.conf", "--set",
                           "--check-config", "--confirm-clock", "--help", "--version"})
    EXPECT_NE(help.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace takt::config
