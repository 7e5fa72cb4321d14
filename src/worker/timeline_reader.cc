// SPDX-License-Identifier: Apache-2.0
#include "worker/timeline_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "attempt/folder.h"
#include "base/fs.h"

namespace takt::worker {
namespace {

using attempt::kTimelineBlockBytes;
using attempt::Offsets;

bool reaches(const Offsets& ends, const Offsets& others) {
  return ends[0] >= others[0] && ends[1] >= others[1];
}

}  // namespace

bool TimelineReader::open(std::uint64_t number) {
  if (file_ && file_number_ == number) return true;
  auto file =
      open_at(folder_, attempt::piece_name(attempt::kTimelineFile, number), O_RDONLY | O_NOFOLLOW);
  if (!file) return false;
  file_ = std::move(*file);
  file_number_ = number;
  return true;
}

// Of all blocks, in order.
std::vector<TimelineReader::Place> TimelineReader::places() {
  std::vector<Place> places;
  for (const std::uint64_t number : numbers_) {
    struct stat status {};
    if (!open(number) || ::fstat(file_.get(), &status) != 0) continue;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    for (std::uint64_t index = 0; index * kTimelineBlockBytes < size; ++index)
      places.push_back({.number = number, .index = index});
  }
  return places;
}

// Nothing if it is not there, or damaged.
std::optional<TimelineReader::Block> TimelineReader::read(Place place, bool header_only) {
  if (!open(place.number)) return std::nullopt;
  std::string bytes(header_only ? attempt::kTimelineHeaderBytes : kTimelineBlockBytes, '\0');
  const ssize_t got = ::pread(file_.get(), bytes.data(), bytes.size(),
                              static_cast<off_t>(place.index * kTimelineBlockBytes));
  if (got <= 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(got));
  auto begin = attempt::decode_timeline_header(bytes);
  if (!begin) return std::nullopt;
  Block block{.place = place, .begin = *begin, .marks = {}};
  if (!header_only) block.marks = attempt::decode_timeline_entries(bytes, *begin);
  return block;
}

// The next one that is whole and goes on from what was loaded.
std::optional<TimelineReader::Block> TimelineReader::block_after(
    const std::optional<Place>& place) {
  for (const std::uint64_t number : numbers_) {
    if (place && number < place->number) continue;
    struct stat status {};
    if (!open(number) || ::fstat(file_.get(), &status) != 0) continue;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    std::uint64_t index = place && number == place->number ? place->index + 1 : 0;
    for (; index * kTimelineBlockBytes < size; ++index) {
      auto block = read({.number = number, .index = index}, false);
      if (block && reaches(block->begin.ends, loaded_)) return block;
    }
  }
  return std::nullopt;
}

void TimelineReader::go_to(const Block& block) {
  place_ = block.place;
  taken_ = 0;
  loaded_ = position_ = block.begin.ends;
  steps_.clear();
}

void TimelineReader::seek(const Offsets& from) {
  const std::vector<Place> all = places();
  for (auto place = all.rbegin(); place != all.rend(); ++place) {
    const auto block = read(*place, true);
    if (block && reaches(from, block->begin.ends)) return go_to(*block);
  }
  go_to({});
  place_.reset();
}

Offsets TimelineReader::seek(WallTime since) {
  std::optional<Block> before;
  for (const Place place : places()) {
    auto block = read(place, true);
    if (!block) continue;
    if (before && block->begin.time >= since) break;
    before = std::move(block);
  }
  if (!before) return {};
  go_to(*before);
  while (front() != nullptr || load()) {
    if (front()->time >= since) return position_;
    pop();
  }
  return position_;
}

void TimelineReader::pop() {
  position_ = steps_.front().ends;
  steps_.pop_front();
}

bool TimelineReader::load() {
  while (steps_.empty()) {
    // Looked for before the present one is read again, which does not grow any more then.
    const auto later = block_after(place_);
    if (place_) {
      if (const auto present = read(*place_, false)) take(*present, taken_);
    }
    if (!steps_.empty()) return true;
    if (!later) return false;
    place_ = later->place;
    if (later->begin.ends != loaded_)
      steps_.push_back({.ends = later->begin.ends, .time = later->begin.time, .exact = false});
    loaded_ = later->begin.ends;
    take(*later, 0);
  }
  return true;
}

void TimelineReader::take(const Block& block, std::size_t first) {
  for (std::size_t i = first; i < block.marks.size(); ++i) {
    const attempt::TimelineMark& mark = block.marks[i];
    if (!reaches(mark.ends, loaded_)) continue;
    steps_.push_back({.ends = mark.ends, .time = mark.time, .exact = true});
    loaded_ = mark.ends;
  }
  taken_ = std::max(first, block.marks.size());
}

void TimelineReader::backwards(
    const std::function<bool(const Offsets& from, const Offsets& to)>& visit) {
  const std::vector<Place> all = places();
  std::optional<Offsets> later;
  for (auto place = all.rbegin(); place != all.rend(); ++place) {
    const auto block = read(*place, false);
    if (!block) continue;
    const Offsets end = block->marks.empty() ? block->begin.ends : block->marks.back().ends;
    if (later && *later != end && !visit(end, *later)) return;
    for (std::size_t i = block->marks.size(); i-- > 0;)
      if (!visit(i == 0 ? block->begin.ends : block->marks[i - 1].ends, block->marks[i].ends))
        return;
    later = block->begin.ends;
  }
  if (later && *later != Offsets{}) visit({}, *later);
}

}  // namespace takt::worker
