// SPDX-License-Identifier: Apache-2.0
// An attempt's output, written as the supervisor does it, with a clock of the test's own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <string>
#include <vector>

#include "supervisor/output_file.h"
#include "supervisor/timeline_file.h"
#include "unit/base/temp_folder.h"
#include "worker/output_reader.h"

namespace takt::worker {

using attempt::index_of;
using attempt::Offsets;
using attempt::Stream;

inline constexpr WallTime kNoon{microseconds(1'795'000'000'000'000)};
inline constexpr std::uint64_t kNever = 1 << 30;

// As the supervisor writes it.
class WrittenJob {
 public:
  explicit WrittenJob(std::uint64_t cap = kNever) : WrittenJob(-1, cap) {}
  // In a folder of somebody else's.
  WrittenJob(int folder, std::uint64_t cap)
      : folder_(folder >= 0 ? folder : own_.fd()),
        space_(folder_, 0),
        timeline_(folder_, cap, space_),
        files_{supervisor::OutputFile(folder_, "stdout", cap, space_),
               supervisor::OutputFile(folder_, "stderr", cap, space_)} {
    files_[0].create();
  }

  void write(Stream stream, const std::string& bytes) {
    timeline_.add(stream, bytes.size(), now);
    files_[index_of(stream)].append(bytes);
    written[index_of(stream)] += bytes;
  }
  void out(const std::string& bytes) { write(Stream::kStdout, bytes); }
  void err(const std::string& bytes) { write(Stream::kStderr, bytes); }
  void pass(milliseconds span) { now += span; }
  void finish() { timeline_.finish(); }

  [[nodiscard]] UniqueFd folder() const { return UniqueFd(::fcntl(folder_, F_DUPFD_CLOEXEC, 0)); }
  [[nodiscard]] attempt::ExitRecord record() const {
    attempt::ExitRecord record;
    record.stdout_totals = files_[0].totals();
    record.stderr_totals = files_[1].totals();
    return record;
  }
  // The time of the last write, which the files have from the file system.
  void set_file_times(WallTime time) const {
    const std::int64_t us = to_unix_us(time);
    const timespec when{.tv_sec = us / 1'000'000, .tv_nsec = us % 1'000'000 * 1000};
    const timespec times[2]{when, when};
    for (const char* file : {"stdout", "stderr"})
      static_cast<void>(::utimensat(folder_, file, times, 0));
  }

  WallTime now = kNoon;
  std::array<std::string, 2> written;

 private:
  test::TempFolder own_;
  int folder_;
  supervisor::FreeSpace space_;
  supervisor::TimelineFile timeline_;
  std::array<supervisor::OutputFile, 2> files_;
};

inline std::vector<OutputPiece> read_all(OutputReader& reader, std::size_t most = 65536) {
  std::vector<OutputPiece> pieces;
  for (;;) {
    auto piece = reader.next(most);
    EXPECT_TRUE(piece.ok()) << piece.error().message;
    if (!piece || !*piece) return pieces;
    EXPECT_FALSE((*piece)->data.empty());
    EXPECT_LE((*piece)->data.size(), most);
    pieces.push_back(std::move(**piece));
  }
}

// "o:" and "e:" before what each stream said; pieces of one stream run together.
inline std::string said(const std::vector<OutputPiece>& pieces) {
  std::string text;
  std::optional<Stream> last;
  for (const OutputPiece& piece : pieces) {
    if (last != piece.stream) text += piece.stream == Stream::kStdout ? "o:" : "e:";
    last = piece.stream;
    text += piece.data;
  }
  return text;
}

}  // namespace takt::worker
