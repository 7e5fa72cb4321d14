// SPDX-License-Identifier: Apache-2.0
// The files of one output stream, as attempt/output_files.h describes them. Guarantees: at most
// `cap` bytes in them, of which up to the half, but no more than 2 MiB, are for the end of the
// stream: of a stream over its cap the last MiB is there, or a quarter of the cap; every byte given
// is counted as kept, truncated or lost; nothing is written that FreeSpace refuses; a failed write
// is remembered and never fatal, and a later one is tried; what was written does not stay in the
// page cache, which counts against the job's own cgroup.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attempt/output_files.h"
#include "attempt/records.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "supervisor/free_space.h"

namespace takt::supervisor {

class OutputFile {
 public:
  // In `folder`, which must outlive this, as `space`. Nothing is made before create() or the first
  // byte.
  OutputFile(int folder, std::string name, std::uint64_t cap_bytes, FreeSpace& space);

  void create();
  void append(std::string_view bytes);

  // Cuts the end off what is kept, as lost: room for something that matters more. False if there is
  // nothing to give.
  bool give_back();

  [[nodiscard]] const attempt::StreamTotals& totals() const { return totals_; }

 private:
  // One file; the last one is open unless a write to it has failed.
  struct Piece {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
  };

  void put(std::string_view bytes);
  bool open();
  void close();
  void append_to_tail(std::string_view bytes);
  void forget_old_tail(std::uint64_t left_max_bytes);
  void drop_behind();
  void failed(std::uint64_t lost_bytes, int error_number);
  [[nodiscard]] std::uint64_t end() const;

  int folder_;
  FreeSpace& space_;
  std::string name_;
  std::uint64_t tail_piece_bytes_;  // the end of the stream is kept in two files of that
  std::uint64_t head_bytes_;
  std::vector<Piece> pieces_;
  bool in_tail_ = false;
  std::size_t tail_begin_ = 0;  // pieces_ from here on are the end, once it is there
  UniqueFd file_;
  attempt::StreamTotals totals_;
  BootTime retry_time_;             // nothing is written before
  std::uint64_t pushed_bytes_ = 0;  // of the open piece, whose write-back was begun
};

}  // namespace takt::supervisor
