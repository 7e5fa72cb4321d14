// SPDX-License-Identifier: Apache-2.0
// The format of the timeline: which bytes came when, on which stream. A file of blocks.
//
//   block   4 KiB: header, entries, zeroes
//   header  "TKTL", version, 3 zero bytes; then, little-endian, 64 bits each: the time (us since
//           1970) and how many bytes of stdout and of stderr had come before this block
//   entry   varint of milliseconds since the entry before, varint of 2 * bytes + stream (so that
//           the last byte of an entry is never 0: a torn one is told)
//
// Guarantees: any bytes may be decoded without harm. A torn, zeroed or missing block costs order
// and times of its own bytes and no others, since every header says where the streams were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attempt/output_files.h"
#include "base/clock.h"
#include "base/result.h"

namespace takt::attempt {

inline constexpr std::size_t kTimelineBlockBytes = 4096;
inline constexpr std::size_t kTimelineHeaderBytes = 32;
inline constexpr std::uint8_t kTimelineVersion = 1;

// Where the streams were at a time. Times are rounded up to the next millisecond of the block.
struct TimelineMark {
  Offsets ends{};
  WallTime time;
  friend bool operator==(const TimelineMark&, const TimelineMark&) = default;
};

std::string encode_timeline_header(const TimelineMark& begin);

// What takes the streams from `last` to `bytes` more of `stream` at `time`, and puts that into
// `last`. `time` is not before that of `last`.
std::string encode_timeline_entry(TimelineMark& last, Stream stream, std::uint64_t bytes,
                                  WallTime time);

// kDataLoss if `block` does not begin with a header of a version that is known.
Result<TimelineMark> decode_timeline_header(std::string_view block);

// The marks after each entry, as far as they are whole.
std::vector<TimelineMark> decode_timeline_entries(std::string_view block,
                                                  const TimelineMark& begin);

}  // namespace takt::attempt
