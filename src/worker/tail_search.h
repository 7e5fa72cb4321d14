// SPDX-License-Identifier: Apache-2.0
// Where the last lines of an output begin, found from its end. A line is where its last byte came;
// what has no newline yet is a line too. Guarantees: reads at most limits::kTailMaxBytes and a
// chunk; then the last lines are fewer, and the first of them may be cut.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "attempt/output_files.h"
#include "base/result.h"
#include "worker/stream_reader.h"

namespace takt::worker {

class TailSearch {
 public:
  using Streams = std::array<StreamReader, attempt::kStreams.size()>;
  using Wanted = std::array<bool, attempt::kStreams.size()>;

  // `ends` is where the output ends. `streams` must outlive this.
  TailSearch(Streams& streams, const Wanted& wanted, const attempt::Offsets& ends, int lines);

  // What came between two places, last first. False if no more is needed.
  bool visit(const attempt::Offsets& from, const attempt::Offsets& to);

  // After all visits.
  [[nodiscard]] Result<attempt::Offsets> begin() const;

 private:
  struct Stream {
    std::uint64_t begin = 0;    // of the first line that is counted
    std::uint64_t end = 0;      // of the stream
    bool line_open = false;     // the begin of the line is not found yet
    std::uint64_t scanned = 0;  // from here on
  };

  bool scan(std::size_t which, std::uint64_t from, std::uint64_t to);
  void look_at(Stream& stream, std::uint64_t offset, const std::string& bytes);
  [[nodiscard]] bool done() const;

  Streams& readers_;
  Wanted wanted_;
  std::array<Stream, attempt::kStreams.size()> streams_;
  int lines_;
  std::uint64_t bytes_left_;
  Result<void> error_;
};

}  // namespace takt::worker
