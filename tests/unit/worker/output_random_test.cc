// SPDX-License-Identifier: Apache-2.0
// Jobs of any kind, read at any time and from any place: every byte is accounted for.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/small_disk.h"
#include "unit/worker/written_job.h"

namespace takt::worker {
namespace {

using Job = WrittenJob;

// Reads a job while it writes and at its end, and checks all that a reader may expect.
class Observer {
 public:
  Observer(const Job& job, OutputWish wish) : job_(job), wish_(wish), reader_(job.folder(), wish) {
    EXPECT_TRUE(reader_.begin().ok());
    at_ = reader_.position();
  }
  void look(std::size_t most) {
    for (const OutputPiece& piece : read_all(reader_, most)) {
      const std::size_t i = index_of(piece.stream);
      EXPECT_TRUE(wish_.streams[i]);
      EXPECT_EQ(piece.offset, at_[i] + piece.skipped);
      EXPECT_TRUE(piece.data == job_.written[i].substr(piece.offset, piece.data.size()));
      at_[i] = piece.offset + piece.data.size();
      got_ += piece.data.size();
      skipped_ += piece.skipped;
    }
  }
  // With all that is missing told, every byte is accounted for.
  void end() {
    look(65536);
    while (const auto piece = reader_.next_missing(job_.record())) {
      at_[index_of(piece->stream)] = piece->offset;
      skipped_ += piece->skipped;
    }
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (!wish_.streams[i]) continue;
      EXPECT_EQ(at_[i], std::max<std::uint64_t>(job_.written[i].size(), wish_.from[i]));
    }
  }
  [[nodiscard]] std::uint64_t got() const { return got_; }
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

 private:
  const Job& job_;
  OutputWish wish_;
  OutputReader reader_;
  Offsets at_;
  std::uint64_t got_ = 0;
  std::uint64_t skipped_ = 0;
};

std::uint64_t kept(const attempt::StreamTotals& totals) { return totals.bytes; }
std::uint64_t gone(const attempt::StreamTotals& totals) {
  return totals.truncated_bytes + totals.lost_bytes;
}

TEST(OutputReader, AnyJobReadAtAnyTimeFromAnyPlace) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto chance = [&random](unsigned in) { return random() % in == 0; };
    test::SmallDisk disk(chance(3) ? 200'000 : 4'000'000);
    Job job(disk.fd(), chance(2) ? kNever : random() % 200'000);
    Observer whole(job, {.follow = true});
    std::vector<std::unique_ptr<Observer>> others;
    const std::size_t most = 1 + random() % (chance(2) ? 100 : 20'000);
    for (int i = 0; i < 400; ++i) {
      job.write(chance(3) ? Stream::kStderr : Stream::kStdout,
                std::string(1 + random() % most, static_cast<char>('a' + random() % 26)));
      if (chance(4)) job.pass(milliseconds(random() % 300));
      if (chance(50)) job.pass(milliseconds(-1000));
      if (chance(20)) whole.look(1 + random() % 70'000);
      if (chance(60))
        others.push_back(std::make_unique<Observer>(
            job, OutputWish{.streams = {!chance(4), true},
                            .from = {random() % 50'000, random() % 50'000},
                            .follow = true}));
      if (chance(30) && !others.empty())
        others[random() % others.size()]->look(1 + random() % 9999);
    }
    job.finish();
    whole.end();
    for (auto& other : others) other->end();
    Observer late(job, {});
    late.end();
    const attempt::ExitRecord record = job.record();
    EXPECT_EQ(late.got(), kept(record.stdout_totals) + kept(record.stderr_totals));
    EXPECT_EQ(late.skipped(), gone(record.stdout_totals) + gone(record.stderr_totals));
    EXPECT_GE(whole.got(), late.got()) << "who looked in time has seen more";
  }
}

// Each piece is a number; the next higher one comes next, on whichever stream.
TEST(OutputReader, BesideTheWriterItSeesTheOrderToo) {
  constexpr int kNumbers = 60'000;
  Job job;
  OutputReader reader(job.folder(), {.follow = true});
  ASSERT_TRUE(reader.begin().ok());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    std::mt19937 random(5);
    for (int i = 0; i < kNumbers; ++i) {
      job.write(random() % 3 == 0 ? Stream::kStderr : Stream::kStdout, std::to_string(i) + "\n");
      if (random() % 10 == 0) job.pass(milliseconds(random() % 120));
    }
    job.finish();
    done = true;
  });
  int next = 0;
  int misplaced = 0;
  std::array<std::string, 2> unread;
  for (bool last = false; !last;) {
    last = done;
    for (const OutputPiece& piece : read_all(reader)) {
      EXPECT_EQ(piece.skipped, 0U);
      std::string& text = unread[index_of(piece.stream)];
      text += piece.data;
      for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos;) {
        if (text.substr(0, end) != std::to_string(next++)) ++misplaced;
        text.erase(0, end + 1);
      }
    }
  }
  writer.join();
  EXPECT_EQ(next, kNumbers);
  EXPECT_EQ(misplaced, 0);
}

}  // namespace
}  // namespace takt::worker
