// SPDX-License-Identifier: Apache-2.0
// Against a datagram socket of the test's own, in place of the journal's.
#include "supervisor/journal_sender.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/limits.h"
#include "unit/supervisor/harness.h"

namespace takt::supervisor {
namespace {

using namespace std::string_literals;

using Entry = std::map<std::string, std::string>;

// The documented format: "NAME=value\n" or "NAME\n<8 bytes length, little-endian>value\n".
Entry parse_entry(std::string_view bytes) {
  Entry entry;
  while (!bytes.empty()) {
    const std::size_t stop = bytes.find_first_of("=\n");
    const std::string name(bytes.substr(0, stop));
    const bool plain = bytes[stop] == '=';
    bytes.remove_prefix(stop + 1);
    std::size_t length = plain ? bytes.find('\n') : 0;
    for (std::size_t i = 0; !plain && i < 8; ++i)
      length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    if (!plain) bytes.remove_prefix(8);
    entry[name] = bytes.substr(0, length);
    EXPECT_EQ(bytes.at(length), '\n');
    bytes.remove_prefix(length + 1);
  }
  return entry;
}

class FakeJournal {
 public:
  FakeJournal() : path_(folder_.path() + "/socket") { open(); }

  void open() {
    ::unlink(path_.c_str());
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), where, sizeof address), 0);
  }
  void close() { socket_.reset(); }
  [[nodiscard]] const std::string& path() const { return path_; }

  // All that is there now.
  std::vector<Entry> take() {
    std::vector<Entry> entries;
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
      if (got < 0) return entries;
      entries.push_back(
          parse_entry(std::string_view(buffer_).substr(0, static_cast<std::size_t>(got))));
    }
  }

 private:
  test::TempFolder folder_;
  std::string path_;
  UniqueFd socket_;
  std::string buffer_ = std::string(1 << 20, '\0');
};

class Journal : public testing::Test {
 protected:
  attempt::LaunchPlan plan() const {
    attempt::LaunchPlan plan;
    plan.job_id = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61";
    plan.attempt = 2;
    plan.unit = "takt-job-x.2.scope";
    plan.syslog_identifier = "takt/build";
    plan.uid = 1000;
    plan.journal_socket = journal_.path();
    return plan;
  }
  FakeJournal journal_;
};

TEST_F(Journal, ALineHasItsFields) {
  JournalSender sender(plan());
  sender.line(Stream::kStdout, "hello");
  sender.line(Stream::kStderr, "oh no");
  const auto entries = journal_.take();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0], (Entry{{"MESSAGE", "hello"},
                               {"PRIORITY", "6"},
                               {"SYSLOG_IDENTIFIER", "takt/build"},
                               {"TAKT_JOB_ID", "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61"},
                               {"TAKT_ATTEMPT", "2"},
                               {"TAKT_STREAM", "stdout"},
                               {"OBJECT_UID", "1000"},
                               {"OBJECT_SYSTEMD_UNIT", "takt-job-x.2.scope"}}));
  EXPECT_EQ(entries[1].at("MESSAGE"), "oh no");
  EXPECT_EQ(entries[1].at("PRIORITY"), "4");
  EXPECT_EQ(entries[1].at("TAKT_STREAM"), "stderr");
  EXPECT_EQ(sender.sent(), 2U);
  EXPECT_EQ(sender.dropped(), 0U);
}

TEST_F(Journal, ALineNamesTheProcessUntilThatIsReaped) {
  JournalSender sender(plan());
  sender.set_leader(4711);
  sender.line(Stream::kStdout, "it runs");
  sender.set_leader(0);
  sender.line(Stream::kStdout, "its last words");
  const auto entries = journal_.take();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].at("OBJECT_PID"), "4711");
  EXPECT_EQ(entries[1].count("OBJECT_PID"), 0U);
  EXPECT_EQ(entries[1].at("OBJECT_UID"), "1000");
}

TEST_F(Journal, NothingInALineOrAnIdentifierForgesAField) {
  attempt::LaunchPlan nasty = plan();
  nasty.syslog_identifier = "x\n_UID=0\nPRIORITY=0";
  JournalSender sender(nasty);
  const std::string line = "a\0=\nPRIORITY=0\n\xff"s;
  sender.line(Stream::kStdout, line);
  const auto entries = journal_.take();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].at("MESSAGE"), line);
  EXPECT_EQ(entries[0].at("SYSLOG_IDENTIFIER"), nasty.syslog_identifier);
  EXPECT_EQ(entries[0].at("PRIORITY"), "6");
  EXPECT_EQ(entries[0].size(), 8U);
}

TEST_F(Journal, ASwitchedOffJournalGetsNothing) {
  attempt::LaunchPlan off = plan();
  off.journal = false;
  JournalSender sender(off);
  sender.line(Stream::kStdout, "x");
  EXPECT_TRUE(journal_.take().empty());
  EXPECT_EQ(sender.sent() + sender.dropped(), 0U);
}

TEST_F(Journal, ABusyJournalGetsItsLinesLaterAndInOrder) {
  JournalSender sender(plan());
  constexpr int kLines = 3000;  // more than any socket's queue holds
  for (int i = 0; i < kLines; ++i) sender.line(Stream::kStdout, std::to_string(i));
  EXPECT_GE(sender.waiting_fd(), 0) << "some had to wait";
  std::vector<Entry> all;
  while (sender.waiting_fd() >= 0) {
    for (Entry& entry : journal_.take()) all.push_back(std::move(entry));
    ASSERT_TRUE(wait_for(sender.waiting_fd(), POLLOUT));
    sender.flush();
  }
  for (Entry& entry : journal_.take()) all.push_back(std::move(entry));
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kLines));
  for (int i = 0; i < kLines; ++i)
    ASSERT_EQ(all[static_cast<std::size_t>(i)].at("MESSAGE"), std::to_string(i));
  EXPECT_EQ(sender.sent(), static_cast<std::uint64_t>(kLines));
}

TEST_F(Journal, AStuckJournalLosesLinesButNeverBlocksOrGrows) {
  JournalSender sender(plan());
  const std::string line(10000, 'x');
  constexpr std::uint64_t kLines = 5000;
  for (std::uint64_t i = 0; i < kLines; ++i) sender.line(Stream::kStdout, line);
  EXPECT_GT(sender.dropped(), kLines / 2) << "the backlog is bounded";
  const BootTime begin = BootClock::now();
  sender.finish(begin + milliseconds(50));
  EXPECT_LT(BootClock::now() - begin, seconds(10));
  EXPECT_EQ(sender.waiting_fd(), -1);
  EXPECT_EQ(sender.sent() + sender.dropped(), kLines) << "every line is counted once";
  EXPECT_EQ(journal_.take().size(), sender.sent());
}

// A clock that stands still until the test moves it.
BootTime standing_clock_time;
BootTime standing_clock() { return standing_clock_time; }

TEST_F(Journal, TheBudgetIsWhatTheJournalTakes) {
  JournalSender sender(plan(), standing_clock);
  const std::uint64_t lines = limits::kJournalWindowLines + 500;
  std::uint64_t received = 0;
  const auto send = [&] {
    sender.line(Stream::kStdout, "x");
    received += journal_.take().size();
  };
  for (std::uint64_t i = 0; i < lines; ++i) send();
  EXPECT_EQ(received, limits::kJournalWindowLines);
  EXPECT_EQ(sender.dropped(), 500U);
  standing_clock_time += limits::kJournalWindow - nanoseconds(1);
  send();
  EXPECT_EQ(sender.dropped(), 501U) << "the window is not over";
  standing_clock_time += nanoseconds(1);
  send();
  EXPECT_EQ(received, limits::kJournalWindowLines + 1) << "a new window, a new budget";
  EXPECT_EQ(sender.dropped(), 501U);
}

TEST_F(Journal, TheBudgetIsOfBytesToo) {
  JournalSender sender(plan());
  const std::string line(limits::kJournalLineMaxBytes, 'x');
  const std::uint64_t fit = limits::kJournalWindowBytes / line.size();
  std::uint64_t received = 0;
  for (std::uint64_t i = 0; i < fit + 7; ++i) {
    sender.line(Stream::kStdout, line);
    received += journal_.take().size();
  }
  EXPECT_EQ(received, fit);
  EXPECT_EQ(sender.dropped(), 7U);
}

TEST_F(Journal, ANewSocketIsFound) {
  JournalSender sender(plan());
  sender.line(Stream::kStdout, "before");
  journal_.close();
  sender.line(Stream::kStdout, "meanwhile");
  journal_.open();
  sender.line(Stream::kStdout, "after");
  const auto entries = journal_.take();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].at("MESSAGE"), "after");
  EXPECT_EQ(sender.sent(), 2U);
  EXPECT_EQ(sender.dropped(), 1U);
}

TEST_F(Journal, AWholeAttemptSendsEveryLineAndTheLastWithoutNewline) {
  const test::TestCgroup cgroup;
  SpawnerProcess spawner;
  Attempt attempt(spawner, cgroup.get());
  attempt.plan.journal = true;
  attempt.plan.journal_socket = journal_.path();
  attempt.set_script("printf 'one\\ntwo'; printf 'three' >&2");
  const auto record = attempt.run();
  std::vector<std::string> lines;
  for (const Entry& entry : journal_.take()) {
    EXPECT_EQ(entry.at("TAKT_JOB_ID"), attempt.plan.job_id);
    lines.push_back(entry.at("TAKT_STREAM") + ":" + entry.at("MESSAGE"));
  }
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<std::string>{"stderr:three", "stdout:one", "stdout:two"}));
  EXPECT_EQ(record.journal_lines_sent, 3U);
  EXPECT_EQ(record.journal_lines_dropped, 0U);
}

// The child writes its line when the leader is gone and its number may be another process's.
TEST_F(Journal, TheLinesOfAnAttemptNameItsLeaderAndNoneThatIsGone) {
  const test::TestCgroup cgroup;
  SpawnerProcess spawner;
  Attempt attempt(spawner, cgroup.get());
  attempt.plan.journal = true;
  attempt.plan.journal_socket = journal_.path();
  attempt.plan.stop_target = attempt::StopTarget::kLeader;
  attempt.plan.grace = std::chrono::hours(1);
  attempt.set_script(
      "exec 2> /dev/null\n"  // what the shell says of processes that a signal has ended
      "sh -c 'trap \"echo child; exit\" TERM; echo up; while :; do sleep 0.01; done' &\n"
      "trap 'exit 0' TERM; while :; do sleep 0.01; done");
  attempt.start();
  attempt.wait_for_output("up\n");
  attempt.stop({.by = "me"});
  attempt.result();
  const auto entries = journal_.take();
  ASSERT_EQ(entries.size(), 2U);
  for (const Entry& entry : entries)
    EXPECT_EQ(entry.at("OBJECT_UID"), std::to_string(attempt.plan.uid));
  EXPECT_EQ(entries[0].at("MESSAGE"), "up");
  ASSERT_EQ(entries[0].count("OBJECT_PID"), 1U);
  EXPECT_EQ(entries[0].at("OBJECT_PID"), std::to_string(attempt.leader()));
  EXPECT_EQ(entries[1].at("MESSAGE"), "child");
  EXPECT_EQ(entries[1].count("OBJECT_PID"), 0U);
}

TEST_F(Journal, AStuckJournalDoesNotHoldUpAJob) {
  const test::TestCgroup cgroup;
  SpawnerProcess spawner;
  Attempt attempt(spawner, cgroup.get());
  attempt.plan.journal = true;
  attempt.plan.journal_socket = journal_.path();
  attempt.set_script("seq 1 200000");
  const auto record = attempt.run();
  EXPECT_EQ(record.cause, attempt::EndCause::kExited);
  EXPECT_EQ(record.stdout_totals.bytes, 1288895U);
  EXPECT_EQ(record.journal_lines_sent + record.journal_lines_dropped, 200000U);
  EXPECT_GT(record.journal_lines_dropped, 0U);
}

}  // namespace
}  // namespace takt::supervisor
