// SPDX-License-Identifier: Apache-2.0
#include "worker/tail_search.h"

#include <algorithm>

#include "base/limits.h"

namespace takt::worker {

using attempt::Offsets;

TailSearch::TailSearch(Streams& streams, const Wanted& wanted, const Offsets& ends, int lines)
    : readers_(streams), wanted_(wanted), lines_(lines), bytes_left_(limits::kTailMaxBytes) {
  for (std::size_t i = 0; i < streams_.size(); ++i)
    streams_[i] = {.begin = ends[i], .end = ends[i], .line_open = false, .scanned = ends[i]};
}

bool TailSearch::done() const {
  return lines_ == 0 && std::none_of(streams_.begin(), streams_.end(),
                                     [](const Stream& stream) { return stream.line_open; });
}

bool TailSearch::visit(const Offsets& from, const Offsets& to) {
  for (std::size_t i = streams_.size(); i-- > 0;)
    if (wanted_[i] && !scan(i, from[i], std::min(to[i], streams_[i].scanned))) return false;
  return !done();
}

bool TailSearch::scan(std::size_t which, std::uint64_t from, std::uint64_t to) {
  Stream& stream = streams_[which];
  std::string bytes;
  while (from < to) {
    if (done() || bytes_left_ == 0 || !error_) return false;
    if (lines_ == 0 && !stream.line_open) break;  // it is the other one that is looked for
    const std::uint64_t most = std::min<std::uint64_t>(limits::kChunkBytes, bytes_left_);
    const std::uint64_t begin = to - from > most ? to - most : from;
    // Forwards, as far as files and gaps lie in between.
    std::string chunk;
    for (std::uint64_t at = begin; at < to;) {
      auto offset = readers_[which].read(at, to, to - at, bytes);
      if (!offset) {
        error_ = offset.error();
        return false;
      }
      chunk.append(*offset - at, '\0');  // not kept: no line ends there
      chunk += bytes;
      at = *offset + bytes.size();
    }
    bytes_left_ -= std::min<std::uint64_t>(bytes_left_, chunk.size());
    look_at(stream, begin, chunk);
    stream.scanned = begin;
    to = begin;
  }
  return !done();
}

void TailSearch::look_at(Stream& stream, std::uint64_t offset, const std::string& bytes) {
  for (std::size_t i = bytes.size(); i-- > 0;) {
    const std::uint64_t behind = offset + i + 1;
    const bool newline = bytes[i] == '\n';
    if (!newline && behind != stream.end) continue;
    if (newline && stream.line_open) {
      stream.begin = behind;
      stream.line_open = false;
    }
    if (lines_ == 0) return;
    --lines_;
    stream.line_open = true;
  }
}

Result<Offsets> TailSearch::begin() const {
  if (!error_) return error_.error();
  Offsets begin{};
  for (std::size_t i = 0; i < begin.size(); ++i)
    begin[i] = streams_[i].line_open ? streams_[i].scanned : streams_[i].begin;
  return begin;
}

}  // namespace takt::worker
