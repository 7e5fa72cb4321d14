// SPDX-License-Identifier: Apache-2.0
// The timeline of an attempt, read forwards from any place, or backwards. Guarantees: any bytes in
// the files do no harm; steps go forward only; what is missing of the timeline is one step whose
// time is not known. Blocks on the disk only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attempt/output_files.h"
#include "attempt/timeline.h"
#include "base/clock.h"
#include "base/unique_fd.h"

namespace takt::worker {

class TimelineReader {
 public:
  // Where the streams got to next, and by when.
  struct Step {
    attempt::Offsets ends{};
    WallTime time;
    bool exact = true;  // false: `time` is only when all of it had come
  };

  // `folder` must outlive this.
  explicit TimelineReader(int folder) : folder_(folder) {}

  // Which files there are now.
  void refresh(const attempt::OutputFiles& files) { numbers_ = files.timeline; }

  // Goes to a place from which all bytes behind `from` come.
  void seek(const attempt::Offsets& from);

  // Where the streams were before the first bytes that came at `since` or later; the end of the
  // timeline if there are none in it. Goes there.
  attempt::Offsets seek(WallTime since);

  // Reads on, as far as the timeline goes now. False if there is nothing more.
  bool load();

  // Steps that were loaded.
  [[nodiscard]] const Step* front() const { return steps_.empty() ? nullptr : &steps_.front(); }
  void pop();

  // Calls `visit` for all steps, last first, until it returns false.
  void backwards(
      const std::function<bool(const attempt::Offsets& from, const attempt::Offsets& to)>& visit);

 private:
  struct Place {
    std::uint64_t number = 0;  // of the file
    std::uint64_t index = 0;   // of the block in it
  };
  struct Block {
    Place place;
    attempt::TimelineMark begin;
    std::vector<attempt::TimelineMark> marks;
  };

  bool open(std::uint64_t number);
  [[nodiscard]] std::vector<Place> places();
  std::optional<Block> read(Place place, bool header_only);
  std::optional<Block> block_after(const std::optional<Place>& place);
  void go_to(const Block& block);
  void take(const Block& block, std::size_t first);

  int folder_;
  std::vector<std::uint64_t> numbers_;
  UniqueFd file_;
  std::uint64_t file_number_ = 0;
  std::optional<Place> place_;   // of the block that was read last
  std::size_t taken_ = 0;        // marks of it
  attempt::Offsets loaded_{};    // where the steps that were loaded end
  attempt::Offsets position_{};  // where those that were popped end
  std::deque<Step> steps_;
};

}  // namespace takt::worker
