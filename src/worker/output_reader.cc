// SPDX-License-Identifier: Apache-2.0
#include "worker/output_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "worker/tail_search.h"

namespace takt::worker {
namespace {

using attempt::index_of;
using attempt::kStreams;
using attempt::Offsets;
using attempt::Stream;

constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

}  // namespace

OutputReader::OutputReader(UniqueFd folder, const OutputWish& wish)
    : folder_(std::move(folder)),
      wish_(wish),
      streams_{StreamReader(folder_.get(), Stream::kStdout),
               StreamReader(folder_.get(), Stream::kStderr)},
      timeline_(folder_.get()),
      position_(wish.from),
      bounds_{kNoBound, kNoBound} {}

Result<bool> OutputReader::look_for_files() {
  auto files = attempt::list_output_files(folder_.get());
  if (!files) return files.error();
  const bool changed = files->streams != files_.streams;
  files_ = std::move(*files);
  for (StreamReader& stream : streams_) stream.refresh(files_);
  timeline_.refresh(files_);
  return changed;
}

// What is there now: first how far the streams go, then which files there are. So what is found of
// the streams is in the timeline that is read afterwards, but for bytes of one stream: see
// TimelineFile::add.
Result<void> OutputReader::look() {
  for (;;) {
    for (const Stream stream : kStreams) {
      auto extent = streams_[index_of(stream)].extent();
      if (!extent) return extent.error();
      extents_[index_of(stream)] = extent->end;
      last_writes_[index_of(stream)] = extent->last_write;
    }
    auto changed = look_for_files();
    if (!changed) return changed.error();
    if (!*changed) return {};
  }
}

Result<void> OutputReader::begin() {
  if (auto looked = look(); !looked) return looked;
  if (!wish_.follow) bounds_ = extents_;
  if (wish_.since) begin_since(*wish_.since);
  if (wish_.tail_lines) {
    if (auto found = begin_tail(*wish_.tail_lines); !found) return found;
  }
  Offsets seen = position_;
  for (const Stream stream : kStreams)
    if (!wish_.streams[index_of(stream)]) seen[index_of(stream)] = kNoBound;
  timeline_.seek(seen);
  return {};
}

void OutputReader::begin_since(WallTime since) {
  Offsets begin = timeline_.seek(since);
  for (const Stream stream : kStreams) {
    const std::size_t i = index_of(stream);
    // Behind the timeline is the last that was written.
    if (timeline_.front() == nullptr && last_writes_[i] && *last_writes_[i] < since)
      begin[i] = std::max(begin[i], extents_[i]);
    position_[i] = std::max(position_[i], begin[i]);
  }
}

Result<void> OutputReader::begin_tail(int lines) {
  TailSearch search(streams_, wish_.streams, extents_, lines);
  Offsets end = extents_;
  timeline_.backwards([&](const Offsets& from, const Offsets& to) {
    const bool more = end == to || search.visit(to, end);
    end = from;
    return more && search.visit(from, to);
  });
  if (end != Offsets{}) search.visit({}, end);
  auto begin = search.begin();
  if (!begin) return begin.error();
  for (std::size_t i = 0; i < position_.size(); ++i)
    position_[i] = std::max(position_[i], (*begin)[i]);
  return {};
}

Result<std::optional<OutputPiece>> OutputReader::next(std::size_t most) {
  for (;;) {
    for (const Stream stream : kStreams) {
      const std::size_t i = index_of(stream);
      const std::uint64_t end = std::min(ends_[i], bounds_[i]);
      if (!wish_.streams[i] || position_[i] >= end) continue;
      OutputPiece piece{.stream = stream, .offset = 0, .skipped = 0, .data = {}, .time = times_[i]};
      auto offset = streams_[i].read(position_[i], end, most, piece.data);
      if (!offset) return offset.error();
      if (piece.data.empty()) continue;  // none of that was kept
      piece.offset = *offset;
      piece.skipped = *offset - position_[i];
      position_[i] = *offset + piece.data.size();
      return std::optional(std::move(piece));
    }
    auto more = next_step();
    if (!more) return more.error();
    if (!*more) return std::optional<OutputPiece>();
  }
}

// False if there is nothing new.
Result<bool> OutputReader::next_step() {
  if (timeline_.front() == nullptr) {
    if (auto looked = look(); !looked) return looked.error();
    if (timeline_.load()) {
      // What it tells of may be in files that were not there before.
      if (auto found = look_for_files(); !found) return found.error();
    }
  }
  if (timeline_.front() != nullptr) {
    take_steps();
    return true;
  }
  bool grown = false;
  for (std::size_t i = 0; i < ends_.size(); ++i) grown = grown || extents_[i] > ends_[i];
  if (!grown) return false;
  ends_ = extents_;
  times_ = last_writes_;
  return true;
}

// One step; of a single stream as many as came at about the same time.
void OutputReader::take_steps() {
  const bool single = wish_.streams[0] != wish_.streams[1];
  const WallTime first = timeline_.front()->time;
  do {
    const TimelineReader::Step& step = *timeline_.front();
    ends_ = step.ends;
    times_.fill(step.exact ? std::optional(step.time) : std::nullopt);
    timeline_.pop();
  } while (single && timeline_.front() != nullptr && timeline_.front()->exact &&
           timeline_.front()->time - first <= limits::kTimelineMerge);
}

std::optional<OutputPiece> OutputReader::next_missing(const attempt::ExitRecord& record) {
  const std::array<const attempt::StreamTotals*, kStreams.size()> totals{&record.stdout_totals,
                                                                         &record.stderr_totals};
  for (const Stream stream : kStreams) {
    const std::size_t i = index_of(stream);
    const std::uint64_t end = totals[i]->bytes + totals[i]->truncated_bytes + totals[i]->lost_bytes;
    if (!wish_.streams[i] || position_[i] >= end) continue;
    OutputPiece piece{.stream = stream,
                      .offset = end,
                      .skipped = end - position_[i],
                      .data = {},
                      .time = std::nullopt};
    position_[i] = end;
    return piece;
  }
  return std::nullopt;
}

}  // namespace takt::worker
