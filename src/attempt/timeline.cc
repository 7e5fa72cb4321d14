// SPDX-License-Identifier: Apache-2.0
#include "attempt/timeline.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace takt::attempt {
namespace {

constexpr std::string_view kTimelineMagic = "TKTL";
constexpr std::int64_t kUsPerMs = 1000;
constexpr unsigned kVarintMaxBytes = 10;
// Beyond what streams and clocks come to; sums of a block's entries stay far from an overflow.
constexpr std::uint64_t kEntryMax = std::uint64_t{1} << 50;
constexpr std::uint64_t kOffsetMax = std::uint64_t{1} << 62;

void put_fixed(std::string& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out += static_cast<char>((number >> shift) & 0xff);
}

std::uint64_t get_fixed(std::string_view bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < 8; ++i)
    number |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return number;
}

void put_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>((number & 0x7f) | 0x80);
  out += static_cast<char>(number);
}

// Nothing at the end of the bytes, and for what put_varint does not write: a torn one ends in 0.
std::optional<std::uint64_t> get_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < std::min<std::size_t>(bytes.size(), kVarintMaxBytes - 1); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    number |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && i > 0) return std::nullopt;
    bytes.remove_prefix(i + 1);
    return number;
  }
  return std::nullopt;
}

}  // namespace

std::string encode_timeline_header(const TimelineMark& begin) {
  std::string out(kTimelineMagic);
  out += static_cast<char>(kTimelineVersion);
  out.append(3, '\0');
  put_fixed(out, static_cast<std::uint64_t>(to_unix_us(begin.time)));
  for (const std::uint64_t end : begin.ends) put_fixed(out, end);
  return out;
}

std::string encode_timeline_entry(TimelineMark& last, Stream stream, std::uint64_t bytes,
                                  WallTime time) {
  const std::int64_t span = std::max<std::int64_t>((time - last.time).count(), 0);
  const std::int64_t ms = (span + kUsPerMs - 1) / kUsPerMs;
  std::string out;
  put_varint(out, static_cast<std::uint64_t>(ms));
  put_varint(out, 2 * bytes + index_of(stream));
  last.ends[index_of(stream)] += bytes;
  last.time += milliseconds(ms);
  return out;
}

Result<TimelineMark> decode_timeline_header(std::string_view block) {
  const auto damaged = [](const char* how) {
    return make_error(ErrorCode::kDataLoss, std::string("a block of the timeline ") + how);
  };
  if (block.size() < kTimelineHeaderBytes || !block.starts_with(kTimelineMagic))
    return damaged("has no header");
  if (static_cast<std::uint8_t>(block[4]) != kTimelineVersion)
    return damaged("is of another version");
  TimelineMark begin{.ends = {get_fixed(block, 16), get_fixed(block, 24)}, .time = {}};
  const std::uint64_t us = get_fixed(block, 8);
  if (us > kOffsetMax || begin.ends[0] > kOffsetMax || begin.ends[1] > kOffsetMax)
    return damaged("has numbers out of range");
  begin.time = from_unix_us(static_cast<std::int64_t>(us));
  return begin;
}

std::vector<TimelineMark> decode_timeline_entries(std::string_view block,
                                                  const TimelineMark& begin) {
  std::vector<TimelineMark> marks;
  TimelineMark last = begin;
  std::string_view rest = block.substr(0, kTimelineBlockBytes);
  rest.remove_prefix(std::min(rest.size(), kTimelineHeaderBytes));
  for (;;) {
    const auto ms = get_varint(rest);
    const auto what = ms ? get_varint(rest) : std::nullopt;
    if (!what || *what < 2 || *what > kEntryMax || *ms > kEntryMax / kUsPerMs) return marks;
    last.ends[*what & 1] += *what / 2;
    last.time += milliseconds(*ms);
    marks.push_back(last);
  }
}

}  // namespace takt::attempt
