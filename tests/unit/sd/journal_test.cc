// SPDX-License-Identifier: Apache-2.0
// Against a datagram socket of the test's own, in place of the journal's.
#include "sd/journal.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.h"
#include "unit/base/temp_folder.h"

namespace takt::sd {
namespace {

using namespace std::string_literals;

constexpr int kMany = 10000;  // lines, more than a socket holds

class JournalLogTest : public testing::Test {
 protected:
  void open() {
    journal_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path_.c_str());
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    ASSERT_EQ(::bind(journal_.get(), where, sizeof address), 0);
  }

  // The next entry; empty if there is none.
  std::string take() {
    char bytes[4096];
    const ssize_t got = ::recv(journal_.get(), bytes, sizeof bytes, 0);
    return got < 0 ? ""s : std::string(bytes, static_cast<std::size_t>(got));
  }

  test::TempFolder folder_;
  std::string path_ = folder_.path() + "/socket";
  UniqueFd journal_;
  JournalLog log_{path_};
};

TEST_F(JournalLogTest, SaysTheLineWithItsFields) {
  open();
  log_.line(LogLevel::kWarning, "two\nlines", {{"TAKT_JOB_ID", "7"}});
  EXPECT_EQ(take(),
            "MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\n"
            "PRIORITY=4\n"
            "SYSLOG_IDENTIFIER=sd_test\n"
            "TAKT_JOB_ID=7\n"s);
}

TEST_F(JournalLogTest, AJournalThatTakesNothingDelaysOnce) {
  open();
  // With a second for each this would take hours.
  for (int i = 0; i < kMany; ++i) log_.line(LogLevel::kInfo, "line", {});
  EXPECT_GT(log_.lost(), 0u);
  const std::uint64_t lost = log_.lost();
  while (!take().empty()) continue;
  log_.line(LogLevel::kInfo, "again", {});
  EXPECT_NE(take().find("again"), std::string::npos);
  EXPECT_NE(take().find("did not take: " + std::to_string(lost)), std::string::npos);
  EXPECT_EQ(log_.lost(), 0u);
}

TEST_F(JournalLogTest, AJournalThatComesBackIsFound) {
  log_.line(LogLevel::kInfo, "nobody hears this", {});
  EXPECT_EQ(log_.lost(), 1u);
  open();
  log_.line(LogLevel::kInfo, "first", {});
  EXPECT_NE(take().find("first"), std::string::npos);
  open();
  while (!take().empty()) continue;
  log_.line(LogLevel::kInfo, "second", {});
  EXPECT_NE(take().find("second"), std::string::npos);
}

TEST(JournalTest, TakenOnlyWhenStderrIsTheJournalsStream) {
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_FALSE(install_journal_log_sink());
  ::setenv("JOURNAL_STREAM", "1:2", 1);
  EXPECT_FALSE(install_journal_log_sink());
  struct stat status {};
  ASSERT_EQ(::fstat(STDERR_FILENO, &status), 0);
  const std::string stream = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
  EXPECT_TRUE(install_journal_log_sink());
  set_log_sink(nullptr);
  ::unsetenv("JOURNAL_STREAM");
}

}  // namespace
}  // namespace takt::sd
