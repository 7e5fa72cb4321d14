// SPDX-License-Identifier: Apache-2.0
#include "compat/archive.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/base/temp_folder.h"

namespace takt::compat {
namespace {

OldWorkerRecord some_worker() {
  OldWorkerRecord worker;
  worker.id = Uuid::random();
  worker.address = "10.0.0.1:7000";
  worker.registered = false;
  worker.register_time = from_unix_us(1234567);
  return worker;
}

OldAttempt running_attempt() {
  OldAttempt attempt;
  attempt.id = {Uuid::random(), 3};
  attempt.stage = OldStage::kRunning;
  attempt.old_id = "the old one's id";
  attempt.start_time = from_unix_us(55);
  attempt.stop = StopRequest{.by = "alice", .reason = "because", .grace = {}};
  return attempt;
}

OldAttempt ended_attempt() {
  OldAttempt attempt = running_attempt();
  attempt.stage = OldStage::kEnded;
  attempt.end = JobEnd{.cause = EndCause::kStopped, .signal = 9, .note = "a note"};
  attempt.end->stopped_by = "alice";
  attempt.end->detail = "detail";
  attempt.end_time = from_unix_us(77);
  return attempt;
}

void expect_same(const OldAttempt& a, const OldAttempt& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.stage, b.stage);
  EXPECT_EQ(a.old_id, b.old_id);
  EXPECT_EQ(a.start_time, b.start_time);
  ASSERT_EQ(a.stop.has_value(), b.stop.has_value());
  if (a.stop) {
    EXPECT_EQ(a.stop->by + a.stop->reason, b.stop->by + b.stop->reason);
  }
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.end_time, b.end_time);
}

class Files : public testing::Test {
 protected:
  [[nodiscard]] std::string folder() const { return temp_.path() + "/a/compat"; }
  [[nodiscard]] Archive open() const {
    auto archive = Archive::open(folder());
    EXPECT_TRUE(archive.ok()) << archive.error().message;
    return std::move(*archive);
  }

  test::TempFolder temp_;
};

TEST(OldRecords, AreReadBackAsTheyWere) {
  const OldWorkerRecord worker = some_worker();
  const auto read = decode_old_worker(encode(worker));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->id, worker.id);
  EXPECT_EQ(read->address, worker.address);
  EXPECT_EQ(read->registered, worker.registered);
  EXPECT_EQ(read->register_time, worker.register_time);
  OldAttempt intent;
  intent.id = {Uuid::random(), 1};
  for (const OldAttempt& attempt : {intent, running_attempt(), ended_attempt()}) {
    const auto again = decode_old_attempt(encode(attempt));
    ASSERT_TRUE(again.ok()) << again.error().message;
    expect_same(*again, attempt);
  }
}

TEST(OldRecords, AnyOtherBytesAreRefused) {
  const std::string good = encode(ended_attempt());
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(decode_old_attempt(good.substr(0, cut)).ok());
    std::string altered = good;
    altered[cut] = static_cast<char>(altered[cut] ^ 0x20);
    EXPECT_FALSE(decode_old_attempt(altered).ok()) << cut;
  }
  EXPECT_FALSE(decode_old_worker(good).ok());
  EXPECT_FALSE(decode_old_attempt(encode(some_worker())).ok());
  OldAttempt odd = running_attempt();
  odd.old_id = "";
  EXPECT_FALSE(decode_old_attempt(encode(odd)).ok()) << "running under no id";
  odd = ended_attempt();
  odd.end.reset();
  EXPECT_FALSE(decode_old_attempt(encode(odd)).ok()) << "ended without an end";
}

TEST_F(Files, SurviveARestart) {
  const OldWorkerRecord worker = some_worker();
  const OldAttempt running = running_attempt();
  const OldAttempt ended = ended_attempt();
  {
    Archive archive = open();
    ASSERT_TRUE(archive.put(worker).ok());
    ASSERT_TRUE(archive.put(worker.id, running).ok());
    ASSERT_TRUE(archive.put(worker.id, ended).ok());
  }
  Archive archive = open();
  const auto all = archive.load();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().worker.address, worker.address);
  ASSERT_EQ(all->front().attempts.size(), 2U);
  for (const OldAttempt& attempt : all->front().attempts)
    expect_same(attempt, attempt.id == running.id ? running : ended);
  ASSERT_TRUE(archive.remove(worker.id, running.id).ok());
  EXPECT_EQ(archive.load()->front().attempts.size(), 1U);
  ASSERT_TRUE(archive.remove(worker.id).ok());
  EXPECT_TRUE(archive.load()->empty());
}

TEST_F(Files, AStartThatWasUnderWayEndsAsUnknown) {
  Archive archive = open();
  const OldWorkerRecord worker = some_worker();
  OldAttempt intent;
  intent.id = {Uuid::random(), 1};
  ASSERT_TRUE(archive.put(worker).ok());
  ASSERT_TRUE(archive.put(worker.id, intent).ok());
  const auto all = archive.load();
  ASSERT_EQ(all->front().attempts.size(), 1U);
  const OldAttempt& found = all->front().attempts.front();
  EXPECT_EQ(found.stage, OldStage::kEnded);
  EXPECT_EQ(found.end->cause, EndCause::kWorkerLost);
  EXPECT_NE(end_message(*found.end).find("whether it ran is not known"), std::string::npos);
}

TEST_F(Files, ADamagedAttemptIsNotForgotten) {
  Archive archive = open();
  const OldWorkerRecord worker = some_worker();
  const OldAttempt running = running_attempt();
  ASSERT_TRUE(archive.put(worker).ok());
  ASSERT_TRUE(archive.put(worker.id, running).ok());
  const std::string inside = folder() + "/" + worker.id.str();
  ASSERT_TRUE(write_file(AT_FDCWD, inside + "/" + running.id.str(), "TKOA", 0600).ok());
  ASSERT_TRUE(write_file(AT_FDCWD, inside + "/new", "left by a crash", 0600).ok());
  const auto all = archive.load();
  ASSERT_EQ(all->front().attempts.size(), 1U);
  EXPECT_EQ(all->front().attempts.front().id, running.id);
  EXPECT_EQ(all->front().attempts.front().end->cause, EndCause::kWorkerLost);
}

TEST_F(Files, ADamagedWorkerIsLeftAlone) {
  Archive archive = open();
  const OldWorkerRecord good = some_worker();
  const OldWorkerRecord bad = some_worker();
  ASSERT_TRUE(archive.put(good).ok());
  ASSERT_TRUE(archive.put(bad).ok());
  ASSERT_TRUE(write_file(AT_FDCWD, folder() + "/" + bad.id.str() + "/worker", "x", 0600).ok());
  const auto all = archive.load();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().worker.id, good.id);
}

TEST_F(Files, AFolderTooDeepForSocketsIsRefused) {
  const auto archive = Archive::open(temp_.path() + "/" + std::string(100, 'd'));
  ASSERT_FALSE(archive.ok());
  EXPECT_EQ(archive.error().field, "scheduler.state_directory");
}

}  // namespace
}  // namespace takt::compat
