// SPDX-License-Identifier: Apache-2.0
// The output of one attempt in the order in which it came, from any place. Guarantees: every byte
// that was kept comes once, whatever the timeline is worth; without one the streams come one after
// the other. Nothing is stored. For one thread at a time; blocks on the disk only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "attempt/output_files.h"
#include "attempt/records.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/stream_reader.h"
#include "worker/timeline_reader.h"

namespace takt::worker {

// What a reader asked for.
struct OutputWish {
  std::array<bool, attempt::kStreams.size()> streams{true, true};
  attempt::Offsets from{};
  std::optional<WallTime> since;
  std::optional<int> tail_lines;
  bool follow = false;  // else: not beyond what is there at the begin
};

struct OutputPiece {
  attempt::Stream stream = attempt::Stream::kStdout;
  std::uint64_t offset = 0;
  std::uint64_t skipped = 0;  // bytes before it that were not kept
  std::string data;           // empty: `skipped` is all there is to tell
  std::optional<WallTime> time;
};

class OutputReader {
 public:
  OutputReader(UniqueFd folder, const OutputWish& wish);

  // Finds the begin. Once, before all else.
  Result<void> begin();

  // The next piece, of up to `most` bytes. None: no more is there now.
  Result<std::optional<OutputPiece>> next(std::size_t most);

  // Of an ended attempt, after its last piece: what is missing at the end of a stream.
  std::optional<OutputPiece> next_missing(const attempt::ExitRecord& record);

  // What was read of each stream.
  [[nodiscard]] const attempt::Offsets& position() const { return position_; }
  [[nodiscard]] int folder() const { return folder_.get(); }

 private:
  Result<void> look();
  // True if there are other files than before.
  Result<bool> look_for_files();
  Result<bool> next_step();
  void take_steps();
  void begin_since(WallTime since);
  Result<void> begin_tail(int lines);

  UniqueFd folder_;
  OutputWish wish_;
  std::array<StreamReader, attempt::kStreams.size()> streams_;
  TimelineReader timeline_;
  attempt::Offsets position_{};
  attempt::Offsets bounds_{};  // nothing is read beyond

  // What was seen of the files.
  attempt::OutputFiles files_;
  attempt::Offsets extents_{};
  std::array<std::optional<WallTime>, attempt::kStreams.size()> last_writes_;

  // What is being read: up to `ends`, the first stream before the second.
  attempt::Offsets ends_{};
  std::array<std::optional<WallTime>, attempt::kStreams.size()> times_;
};

}  // namespace takt::worker
