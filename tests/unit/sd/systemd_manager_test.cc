// SPDX-License-Identifier: Apache-2.0
#include "sd/systemd_manager.h"

#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/process.h"
#include "unit/sd/systemd_fixture.h"

namespace takt::sd {
namespace {

using namespace std::chrono_literals;
using Ending = FakeSystemd::Ending;

TEST_F(SystemdManagerTest, AScopeIsAskedForExactlyAsDesigned) {
  start(request());
  EXPECT_EQ(result(), "ok");
  EXPECT_EQ(fake_.last_arguments("StartTransientUnit"),
            "takt-job-x.1.scope fail ["
            "(PIDs <au [4711]>) (Slice <s takt-jobs-00.slice>) "
            "(Description <s takt job x, attempt 1>) (Delegate <b 1>) "
            "(CollectMode <s inactive-or-failed>) (KillMode <s control-group>) "
            "(KillSignal <i 18>) (SendSIGKILL <b 1>) (TimeoutStopUSec <t 40000000>) "
            "(OOMPolicy <s continue>) (TasksMax <t 18446744073709551615>) "
            "(After <as [takt-worker.service]>)] []");
}

TEST_F(SystemdManagerTest, AskedForLimitsAreShownOnTheScope) {
  ScopeRequest scope = request();
  scope.grace = 2s;
  scope.memory_max_bytes = 1 << 30;
  scope.tasks_max = 12;
  scope.cpu_weight = 200;
  scope.io_weight = 50;
  start(scope);
  EXPECT_EQ(result(), "ok");
  const std::string sent = fake_.last_arguments("StartTransientUnit");
  for (const char* property :
       {"(TimeoutStopUSec <t 32000000>)", "(TasksMax <t 12>)", "(MemoryMax <t 1073741824>)",
        "(CPUWeight <t 200>)", "(IOWeight <t 50>)"})
    EXPECT_NE(sent.find(property), std::string::npos) << property << " in " << sent;
}

TEST_F(SystemdManagerTest, TheEndOfTheJobMayComeBeforeTheReply) {
  fake_.script({.ending = Ending::kBeforeReply});
  start(request());
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdManagerTest, TheReplyAloneIsNotTheStart) {
  fake_.script({.ending = Ending::kNever});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  EXPECT_TRUE(is_pending());
  fake_.end_job(kScope, "done");
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdManagerTest, JobsThatDoNotEndWellAreErrors) {
  const std::pair<const char*, const char*> kResults[] = {
      {"failed", "failed"},    {"dependency", "failed"}, {"canceled", "cancelled"},
      {"timeout", "too late"}, {"skipped", "failed"},
  };
  for (const auto ending : {Ending::kBeforeReply, Ending::kAfterReply}) {
    for (const auto& [theirs, ours] : kResults) {
      results_.clear();
      fake_.script({.ending = ending, .result = theirs});
      start(request());
      EXPECT_EQ(result(), ours) << theirs;
    }
  }
}

TEST_F(SystemdManagerTest, RefusalsAreErrors) {
  const std::pair<const char*, const char*> kErrors[] = {
      {"org.freedesktop.systemd1.UnitExists", "exists"},
      {"org.freedesktop.DBus.Error.UnixProcessIdUnknown", "not found"},
      {"org.freedesktop.systemd1.TransactionIsDestructive", "failed"},
  };
  for (const auto& [theirs, ours] : kErrors) {
    results_.clear();
    fake_.script({.error = theirs});
    start(request());
    EXPECT_EQ(result(), ours) << theirs;
  }
}

TEST_F(SystemdManagerTest, WhatAShutdownKeepsFromStartingSaysSo) {
  fake_.script(
      {.error = "org.freedesktop.systemd1.TransactionIsDestructive", .system_state = "stopping"});
  start(request());
  EXPECT_EQ(result(), "unavailable");
  results_.clear();
  fake_.script({.result = "canceled", .system_state = "stopping"});
  start(request());
  EXPECT_EQ(result(), "unavailable");
  results_.clear();
  // What has nothing to do with it stays what it is.
  fake_.script(
      {.error = "org.freedesktop.DBus.Error.UnixProcessIdUnknown", .system_state = "stopping"});
  start(request());
  EXPECT_EQ(result(), "not found");
}

TEST_F(SystemdManagerTest, AnotherJobOfTheUnitDoesNotCount) {
  fake_.script({.hold = true});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  fake_.put_unit(kScope, {.state = "inactive", .job = 99});
  fake_.end_job(kScope, "canceled");  // before our reply
  fake_.script({.ending = Ending::kNever});
  fake_.release_held();
  EXPECT_TRUE(is_pending());
  fake_.end_job(kScope, "done");
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdManagerTest, OnlyTheOwnerOfTheNameIsBelieved) {
  fake_.script({.ending = Ending::kNever});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  settle();
  const std::string us = fake_.client();
  thread_.run([&] {
    sd_bus* liar = nullptr;
    ASSERT_GE(sd_bus_new(&liar), 0);
    ASSERT_GE(sd_bus_set_address(liar, daemon_.address().c_str()), 0);
    ASSERT_GE(sd_bus_set_bus_client(liar, 1), 0);
    ASSERT_GE(sd_bus_start(liar), 0);
    sd_bus_message* lie = nullptr;
    ASSERT_GE(sd_bus_message_new_signal(liar, &lie, "/org/freedesktop/systemd1",
                                        "org.freedesktop.systemd1.Manager", "JobRemoved"),
              0);
    const char* job = "/org/freedesktop/systemd1/job/1";
    ASSERT_GE(sd_bus_message_append(lie, "uoss", 1, job, kScope, "done"), 0);
    ASSERT_GE(sd_bus_send_to(liar, lie, us.c_str(), nullptr), 0);
    // The bus has passed it on when it answers this.
    ASSERT_GE(sd_bus_call_method(liar, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                 "org.freedesktop.DBus", "GetId", nullptr, nullptr, ""),
              0);
    sd_bus_message_unref(lie);
    sd_bus_flush_close_unref(liar);
  });
  EXPECT_TRUE(is_pending());
  fake_.end_job(kScope, "done");
  EXPECT_EQ(result(), "ok");
}

// A child, and its pidfd; it ends when told to, and stays a zombie until the test does.
struct Child {
  Child() {
    EXPECT_EQ(::pipe(ends), 0);
    pid = ::fork();
    if (pid == 0) {
      char byte = 0;
      ::close(ends[1]);
      [[maybe_unused]] const ssize_t got = ::read(ends[0], &byte, 1);
      ::_exit(0);
    }
    pidfd = std::move(*open_pidfd(pid));
  }
  ~Child() {
    if (ends[1] >= 0) end();
    ::close(ends[0]);
    ::waitpid(pid, nullptr, 0);
  }
  void end() {
    ::close(std::exchange(ends[1], -1));
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  }
  int ends[2] = {-1, -1};
  pid_t pid = 0;
  UniqueFd pidfd;
};

TEST_F(SystemdManagerTest, AProcessThatHasEndedGetsNoScope) {
  Child child;
  child.end();
  ScopeRequest scope = request();
  scope.pid = child.pid;
  scope.pidfd = child.pidfd.get();
  start(scope);
  EXPECT_EQ(result(), "not found");
  EXPECT_EQ(fake_.calls("StartTransientUnit"), 0U);
}

TEST_F(SystemdManagerTest, AScopeAroundAZombieIsStopped) {
  Child child;
  fake_.script({.ending = Ending::kNever});
  ScopeRequest scope = request();
  scope.pid = child.pid;
  scope.pidfd = child.pidfd.get();
  start(scope);
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  child.end();
  fake_.end_job(kScope, "done");
  EXPECT_EQ(result(), "not found");
  EXPECT_TRUE(fake_.wait_calls("StopUnit", 1));
  EXPECT_EQ(fake_.last_arguments("StopUnit"), std::string(kScope) + " replace");
}

TEST_F(SystemdManagerTest, StopsAUnitAndWaitsForIt) {
  fake_.put_unit(kScope, {.state = "active"});
  fake_.script({.ending = Ending::kNever});
  stop(kScope);
  ASSERT_TRUE(fake_.wait_calls("StopUnit", 1));
  EXPECT_TRUE(is_pending());
  fake_.end_job(kScope, "done");
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdManagerTest, AUnitThatIsGoneIsStopped) {
  fake_.script({.error = "org.freedesktop.systemd1.NoSuchUnit"});
  stop(kScope);
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdManagerTest, PatienceEndsAndWhatComesAfterIsNobodys) {
  fake_.script({.ending = Ending::kNever});
  stop(kScope, 100ms);
  EXPECT_EQ(result(), "too late");
  EXPECT_TRUE(fake_.wait_calls("StopUnit", 1));
  fake_.end_job(kScope, "done");
  settle();
  EXPECT_EQ(results_.size(), 1U);
}

TEST_F(SystemdManagerTest, StartsAUnitThatHasAFile) {
  fake_.script({.ending = Ending::kNever});
  thread_.run([this] { manager_->start_unit("takt-jobs-direct.service", note()); });
  ASSERT_TRUE(fake_.wait_calls("StartUnit", 1));
  EXPECT_EQ(fake_.last_arguments("StartUnit"), "takt-jobs-direct.service replace");
  EXPECT_TRUE(is_pending());
  fake_.end_job("takt-jobs-direct.service", "done");
  EXPECT_EQ(result(), "ok");
}

TEST_F(SystemdManagerTest, ManyStartsEndOnceEach) {
  constexpr std::size_t kStarts = 500;
  for (std::size_t i = 0; i < kStarts; ++i) {
    ScopeRequest scope = request();
    scope.unit = "takt-job-" + std::to_string(i) + ".1.scope";
    start(scope);
  }
  ASSERT_TRUE(thread_.wait([this] { return results_.size() >= kStarts; }));
  settle();
  EXPECT_EQ(results_, std::vector<std::string>(kStarts, "ok"));
  thread_.run([this] { EXPECT_EQ(manager_->pending(), 0U); });
}

TEST_F(SystemdManagerTest, TellsAUnitsCgroupAndTheState) {
  fake_.put_unit("takt-jobs-direct.service",
                 {.state = "active", .control_group = "/takt.slice/takt-jobs-direct.service"});
  std::vector<Result<std::string>> answers;
  thread_.run([&] {
    const auto keep = [&](Result<std::string> text) { answers.push_back(std::move(text)); };
    manager_->get_unit_control_group("takt-jobs-direct.service", keep);
    manager_->get_unit_control_group(kScope, keep);
    manager_->get_system_state(keep);
  });
  ASSERT_TRUE(thread_.wait([&] { return answers.size() == 3; }));
  EXPECT_EQ(*answers[0], "/takt.slice/takt-jobs-direct.service");
  EXPECT_EQ(answers[1].error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*answers[2], "running");
}

TEST_F(SystemdManagerTest, ListsLiveScopesWithTheirSlices) {
  for (int i = 0; i < 80; ++i)
    fake_.put_unit("takt-job-" + std::to_string(100 + i) + ".1.scope",
                   {.state = "active", .slice = "takt-jobs-0" + std::to_string(i % 3) + ".slice"});
  fake_.put_unit("takt-job-ended.1.scope", {.state = "deactivating"});  // has no slice any more
  Result<std::vector<LiveScope>> scopes = make_error(ErrorCode::kInternal, "none yet");
  thread_.run([&] {
    manager_->list_job_scopes(
        [&](Result<std::vector<LiveScope>> list) { scopes = std::move(list); });
  });
  ASSERT_TRUE(thread_.wait([&] { return scopes.ok(); }));
  EXPECT_EQ(fake_.last_arguments("ListUnitsByPatterns"),
            "[active activating deactivating] [takt-job-*.scope]");
  ASSERT_EQ(scopes->size(), 80U);
  EXPECT_EQ(scopes->at(0).unit, "takt-job-100.1.scope");
  EXPECT_EQ(scopes->at(79).slice, "takt-jobs-01.slice");
}

TEST_F(SystemdManagerTest, DestroyingItDropsCallbacks) {
  fake_.script({.hold = true});
  start(request());
  ASSERT_TRUE(fake_.wait_calls("StartTransientUnit", 1));
  thread_.run([this] {
    manager_->get_system_state([](Result<std::string>) { FAIL(); });
    manager_.reset();
  });
  fake_.script({});
  fake_.release_held();
  thread_.run([this] { manager_ = std::make_unique<SystemdManager>(*bus_, thread_.loop()); });
  settle();
  EXPECT_TRUE(results_.empty());
}

}  // namespace
}  // namespace takt::sd
