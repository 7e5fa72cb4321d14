// SPDX-License-Identifier: Apache-2.0
#include "supervisor/timeline_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <tuple>
#include <utility>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/limits.h"

namespace takt::supervisor {
namespace {

using attempt::kTimelineBlockBytes;

constexpr std::uint64_t kShareOfCap = 8;   // for the first file: an eighth
constexpr std::uint64_t kShareOfRest = 8;  // and of that for each of the two that are kept later
constexpr std::uint64_t kFilesKept = 2;

}  // namespace

TimelineFile::TimelineFile(int folder, std::uint64_t cap_bytes, FreeSpace& space)
    : folder_(folder),
      space_(space),
      file_max_bytes_(std::clamp(cap_bytes / kShareOfCap, limits::kTimelineMinBytes,
                                 limits::kTimelineMaxBytes)),
      more_max_bytes_(file_max_bytes_ / kShareOfRest) {}

void TimelineFile::add(attempt::Stream stream, std::uint64_t bytes, WallTime now) {
  const bool other = stream != pending_.stream || now - pending_.first > limits::kTimelineMerge ||
                     now < pending_.last;
  if (pending_.bytes > 0 && other) flush();
  if (pending_.bytes == 0) pending_ = {.stream = stream, .bytes = 0, .first = now, .last = now};
  pending_.bytes += bytes;
  pending_.last = now;
}

void TimelineFile::finish() {
  if (pending_.bytes > 0 && begun_) flush();
}

void TimelineFile::flush() {
  const Pending entry = std::exchange(pending_, {});
  const bool back = entry.last + milliseconds(1) < last_.time;  // somebody set the clock
  if (!begun_) last_.time = entry.first;
  if (back) last_.time = entry.last;
  begun_ = true;
  std::string record;
  attempt::TimelineMark mark = last_;
  std::string bytes = attempt::encode_timeline_entry(mark, entry.stream, entry.bytes, entry.last);
  if (back || block_left_ < bytes.size()) {
    begin_block();
    record = attempt::encode_timeline_header(last_);
  }
  last_ = mark;
  record += bytes;
  write(record);
}

// At the next multiple of a block, so that it does not matter what became of the one before.
void TimelineFile::begin_block() {
  size_ = (size_ + kTimelineBlockBytes - 1) / kTimelineBlockBytes * kTimelineBlockBytes;
  block_left_ = kTimelineBlockBytes;
  if (size_ < file_max_bytes_) return;
  file_.reset();
  ++number_;
  size_ = 0;
  file_max_bytes_ = more_max_bytes_;
  if (number_ <= kFilesKept) return;
  std::ignore =
      remove_file(folder_, attempt::piece_name(attempt::kTimelineFile, number_ - kFilesKept));
}

bool TimelineFile::open() {
  if (file_) return true;
  auto file = open_at(folder_, attempt::piece_name(attempt::kTimelineFile, number_),
                      O_WRONLY | O_CREAT | O_NOFOLLOW, attempt::kOutputMode);
  if (file) file_ = std::move(*file);
  return file.ok();
}

void TimelineFile::write(std::string_view record) {
  ssize_t put = -1;
  const bool has_room = space_.take(record.size());
  do {
    if (!has_room || !open()) break;
    put = ::pwrite(file_.get(), record.data(), record.size(), static_cast<off_t>(size_));
  } while (put < 0 && errno == EINTR);
  const std::size_t written = put > 0 ? static_cast<std::size_t>(put) : 0;
  size_ += written;
  block_left_ = written == record.size() ? block_left_ - written : 0;
}

}  // namespace takt::supervisor
