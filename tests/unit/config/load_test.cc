// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <gtest/gtest.h>

#include <string>

#include "config/scheduler_config.h"
#include "config/worker_config.h"
#include "unit/config/folder.h"

namespace takt::config {
namespace {

class Load : public ::testing::Test {
 protected:
  // The errors of a scheduler.conf with that text, its folder's name taken out.
  std::string refusal(const std::string& text) { return refusal_of(write(text)); }

  std::string refusal_of(const LoadOptions& options) {
    const auto config = load_scheduler_config(options);
    if (config) return "accepted";
    std::string message = config.error().message;
    const std::string prefix = folder_.path("");
    for (std::size_t at; (at = message.find(prefix)) != std::string::npos;)
      message.erase(at, prefix.size());
    return message;
  }

  LoadOptions write(const std::string& text) {
    return {.main_file = folder_.write("s.conf", text), .overrides = {}};
  }

  Folder folder_;
};

TEST_F(Load, AnEmptyFileGivesTheDefaults) {
  const auto config = load_scheduler_config(write(""));
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(*config, SchedulerConfig());
}

TEST_F(Load, ANamedFileMustExist) {
  EXPECT_EQ(refusal_of({.main_file = folder_.path("no.conf"), .overrides = {}}),
            "open no.conf: No such file or directory");
}

TEST_F(Load, AFileThatCannotBeReadIsAnErrorThatNamesIt) {
  folder_.write("dir.conf/x", "");
  EXPECT_EQ(refusal_of({.main_file = folder_.path("dir.conf"), .overrides = {}}),
            "read dir.conf: Is a directory");
  EXPECT_EQ(refusal(std::string(kFileMaxBytes + 1, '\n')), "s.conf holds more than 1048576 bytes");
}

TEST_F(Load, LaterSourcesOverrideEarlierOnesKeyByKey) {
  LoadOptions options = write(
      "[access]\ngroup = main\nadmin_group = main\n[workers]\nuser = main\n"
      "unreachable_after = 11s\n");
  folder_.write("s.conf.d/20.conf", "[access]\nadmin_group = twenty\n[workers]\nuser = twenty\n");
  folder_.write("s.conf.d/10.conf", "[access]\nadmin_group = ten\n[workers]\nuser = ten\n");
  folder_.write("s.conf.d/30.conf~", "nonsense");
  folder_.write("s.conf.d/.40.conf", "nonsense");
  options.overrides = {{"workers", "user", "first"}, {"workers", "user", "last"}};
  const auto config = load_scheduler_config(options);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->group, "main");
  EXPECT_EQ(config->admin_group, "twenty");
  EXPECT_EQ(config->worker_user, "last");
  EXPECT_EQ(config->unreachable_after, seconds(11));
  EXPECT_EQ(config->log_level, LogLevel::kInfo);
}

TEST_F(Load, AMistakeInADropInIsToldWithItsFile) {
  const LoadOptions options = write("[access]\ngroup = takt\n");
  folder_.write("s.conf.d/10.conf", "[access]\n\ngroup = a:b\n");
  EXPECT_EQ(
      refusal_of(options).rfind("s.conf.d/10.conf:3: access.group: \"a:b\" is not the name", 0), 0U)
      << refusal_of(options);
}

TEST_F(Load, DropInsAreCounted) {
  const LoadOptions options = write("");
  for (std::size_t i = 0; i <= kDropInsMax; ++i)
    folder_.write("s.conf.d/" + std::to_string(i) + ".conf", "");
  EXPECT_EQ(refusal_of(options), "s.conf.d: 257 drop-in files; at most 256 are accepted");
}

TEST_F(Load, AnUnknownKeyIsRefusedWithTheKnownOnes) {
  EXPECT_EQ(refusal("[workers]\nusers = x\n"),
            "s.conf:2: unknown key \"users\" in [workers]; accepted there are user, "
            "unreachable_after, lost_after");
  EXPECT_EQ(refusal("[workers]\ngroup = x\n"),
            "s.conf:2: unknown key \"group\" in [workers]; it belongs to [access]; accepted there "
            "are user, unreachable_after, lost_after");
  EXPECT_EQ(refusal("[workers]\nUser = x\n").rfind("s.conf:2: unknown key \"User\"", 0), 0U);
}

TEST_F(Load, AnUnknownSectionIsRefusedWithTheKnownOnes) {
  EXPECT_EQ(refusal("[jobs]\nslots = 1\n"),
            "s.conf:1: unknown section \"[jobs]\"; accepted are [scheduler], [workers], [queue], "
            "[history], [access], [limits], [compat], [tls]");
}

TEST_F(Load, AKeyGivenTwiceInOneFileIsRefused) {
  EXPECT_EQ(refusal("[access]\ngroup = a\n[workers]\n[access]\ngroup = a\n"),
            "s.conf:5: access.group: given twice in this file, first in line 2; keep one of them");
}

TEST_F(Load, ABadLineIsRefusedWithItsPlace) {
  EXPECT_EQ(refusal("[access]\ngroup\n"),
            "s.conf:2: missing '=' in \"group\"; write KEY = VALUE, [SECTION] or # comment");
  EXPECT_EQ(refusal("[access]\ngroup = a\n , b\n").rfind("s.conf:3: indented line", 0), 0U);
  EXPECT_EQ(refusal("[access]\ngroup = " + std::string(200, 'x') + "\n"),
            "s.conf:2: the line has 208 bytes; at most 190 are accepted");
}

TEST_F(Load, AllMistakesAreToldInTheOrderOfTheirLines) {
  EXPECT_EQ(refusal("[access]\ngroup = 1\nhello\n[workers]\nunreachable_after = soon\n"),
            "s.conf:2: access.group: \"1\" is not the name of a user or group; write for example "
            "takt-job (at most 32 letters, digits, '.', '_' and '-', the first a letter or '_')\n"
            "s.conf:3: missing '=' in \"hello\"; write KEY = VALUE, [SECTION] or # comment\n"
            "s.conf:5: workers.unreachable_after: \"soon\" is not a time span; write for example "
            "90s, 5min or 2h");
}

TEST_F(Load, TwentyMistakesAreToldAndTheOthersCounted) {
  std::string text = "[access]\n";
  for (int i = 0; i < 23; ++i) text += "bad\n";
  const std::string message = refusal(text);
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 20);
  EXPECT_NE(message.find("s.conf:21: missing"), std::string::npos);
  EXPECT_EQ(message.find("s.conf:22: missing"), std::string::npos);
  EXPECT_TRUE(message.ends_with("\nand 3 more"));
}

TEST_F(Load, OverridesAreCheckedLikeLines) {
  LoadOptions options = write("");
  options.overrides = {{"scheduler", "log_level", "loud"}, {"scheduler", "x", "1"}};
  EXPECT_EQ(refusal_of(options),
            "--set: scheduler.log_level: \"loud\" is not a log level; accepted are error, warning, "
            "notice, info, debug\n"
            "--set: unknown key \"scheduler.x\"; accepted are scheduler.state_directory, "
            "scheduler.store_max, scheduler.listen, scheduler.insecure, scheduler.log_level, "
            "workers.user, "
            "workers.unreachable_after, workers.lost_after, queue.jobs_max, "
            "queue.jobs_of_user_max, queue.priority_max, queue.placement, history.retain_time, "
            "history.retain_jobs, access.group, "
            "access.admin_group, access.see, limits.connections_of_account_max, "
            "limits.requests_of_account_max, limits.requests_per_second_of_account_max, "
            "limits.readers_of_account_max, "
            "limits.watchers_of_account_max, limits.spec_bytes_of_account_max, compat.listen, "
            "compat.insecure, compat.slots, tls.certificate, tls.key, tls.ca");
}

TEST(Override, IsSectionKeyAndValue) {
  EXPECT_EQ(parse_override("jobs.slots=4").value(), (Override{"jobs", "slots", "4"}));
  EXPECT_EQ(parse_override("worker.labels = a=b.c").value(),
            (Override{"worker", "labels", "a=b.c"}));
  EXPECT_EQ(parse_override("worker.labels=").value(), (Override{"worker", "labels", ""}));
  for (const char* bad : {"", "jobs.slots", "slots=4", ".slots=4", "jobs.=4", "=", "a.b=\n"})
    EXPECT_FALSE(parse_override(bad).ok()) << bad;
  EXPECT_EQ(parse_override("slots=4").error().message,
            "\"slots=4\" sets nothing; write SECTION.KEY=VALUE, such as scheduler.log_level=debug");
}

}  // namespace
}  // namespace takt::config
