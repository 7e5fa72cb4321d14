// SPDX-License-Identifier: Apache-2.0
// Writes the timeline of an attempt. Guarantees: bounded, in memory and on disk (past its share the
// middle is dropped); at any moment only bytes of one stream, no older than limits::kTimelineMerge
// before the newest, are not in it yet; nothing is written that FreeSpace refuses; a write that
// failed or was refused costs order and times, never output.
//
// A job that writes once, on one stream, gets no file: when that was the time of the last write of
// its output file says, and an inode is what a short job pays most for after its processes.
#pragma once

#include <cstdint>
#include <string_view>

#include "attempt/timeline.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "supervisor/free_space.h"

namespace takt::supervisor {

class TimelineFile {
 public:
  // In `folder`, which must outlive this, as `space`. `cap_bytes` is that of one stream.
  TimelineFile(int folder, std::uint64_t cap_bytes, FreeSpace& space);

  // So many bytes more came on `stream`. To be called before they are written anywhere: whoever
  // reads the streams and then the timeline finds no bytes of two streams out of it.
  void add(attempt::Stream stream, std::uint64_t bytes, WallTime now);

  // The end: no more bytes come.
  void finish();

 private:
  struct Pending {
    attempt::Stream stream = attempt::Stream::kStdout;
    std::uint64_t bytes = 0;
    WallTime first;
    WallTime last;
  };

  void flush();
  void begin_block();
  bool open();
  void write(std::string_view record);

  int folder_;
  FreeSpace& space_;
  std::uint64_t file_max_bytes_;  // of the next file
  std::uint64_t more_max_bytes_;  // of those after the first
  Pending pending_;
  attempt::TimelineMark last_;  // what is in the file, or was lost
  UniqueFd file_;
  std::uint64_t number_ = 0;      // of the file
  std::uint64_t size_ = 0;        // of the file
  std::uint64_t block_left_ = 0;  // 0: the next entry begins a block
  bool begun_ = false;            // there was more than one entry
};

}  // namespace takt::supervisor
