// SPDX-License-Identifier: Apache-2.0
#include "supervisor/output_file.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "base/fs.h"
#include "base/limits.h"

namespace takt::supervisor {
namespace {

constexpr std::uint64_t kTailShareOfCap = 4;

}  // namespace

OutputFile::OutputFile(int folder, std::string name, std::uint64_t cap_bytes, FreeSpace& space)
    : folder_(folder),
      space_(space),
      name_(std::move(name)),
      tail_piece_bytes_(std::min(limits::kOutputTailBytes, cap_bytes / kTailShareOfCap)),
      head_bytes_(cap_bytes - 2 * tail_piece_bytes_) {}

void OutputFile::create() { open(); }

std::uint64_t OutputFile::end() const {
  return totals_.bytes + totals_.truncated_bytes + totals_.lost_bytes;
}

void OutputFile::append(std::string_view bytes) {
  if (!in_tail_) {
    const std::string_view head = bytes.substr(0, head_bytes_ - totals_.bytes);
    put(head);
    bytes.remove_prefix(head.size());
    // A disk that is full again and again cuts the stream in pieces: some are left for the end.
    in_tail_ = !bytes.empty() || pieces_.size() > limits::kOutputPiecesMax / 2;
    if (!in_tail_) return;
    close();
    tail_begin_ = pieces_.size();
  }
  append_to_tail(bytes);
}

void OutputFile::append_to_tail(std::string_view bytes) {
  const std::uint64_t most = 2 * tail_piece_bytes_;
  if (bytes.size() > most) {  // only its own end would be left
    close();
    totals_.truncated_bytes += bytes.size() - most;
    bytes.remove_prefix(bytes.size() - most);
  }
  while (!bytes.empty()) {
    if (file_ && pieces_.back().size >= tail_piece_bytes_) close();
    const std::string_view part =
        bytes.substr(0, tail_piece_bytes_ - (file_ ? pieces_.back().size : 0));
    forget_old_tail(most - part.size());
    put(part);
    bytes.remove_prefix(part.size());
  }
}

// From the oldest on, until what is left of the end is no more than that.
void OutputFile::forget_old_tail(std::uint64_t left_max_bytes) {
  std::uint64_t left = 0;
  for (std::size_t i = tail_begin_; i < pieces_.size(); ++i) left += pieces_[i].size;
  while (pieces_.size() > tail_begin_ + (file_ ? 1 : 0) &&
         (left > left_max_bytes || pieces_.size() >= limits::kOutputPiecesMax)) {
    const auto oldest = pieces_.begin() + static_cast<std::ptrdiff_t>(tail_begin_);
    std::ignore = remove_file(folder_, attempt::piece_name(name_, oldest->start));
    totals_.bytes -= oldest->size;
    totals_.truncated_bytes += oldest->size;
    left -= oldest->size;
    pieces_.erase(oldest);
  }
}

// All of it is kept, or lost from some byte on.
void OutputFile::put(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!space_.take(bytes.size())) {
    totals_.spared_bytes += bytes.size();
    failed(bytes.size(), 0);
    return close();
  }
  if (!open()) return failed(bytes.size(), 0);
  while (!bytes.empty()) {
    const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      failed(bytes.size(), errno);
      return close();
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
    pieces_.back().size += static_cast<std::uint64_t>(put);
    totals_.bytes += static_cast<std::uint64_t>(put);
  }
  drop_behind();
}

bool OutputFile::open() {
  if (file_) return true;
  if (BootClock::now() < retry_time_) return false;
  const std::uint64_t start = end();
  auto file = open_at(folder_, attempt::piece_name(name_, start),
                      O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, attempt::kOutputMode);
  if (!file) {
    failed(0, file.error().error_number);
    return false;
  }
  file_ = std::move(*file);
  pushed_bytes_ = 0;
  pieces_.push_back({.start = start, .size = 0});
  return true;
}

// A file that got no byte does not stay; the first one does.
void OutputFile::close() {
  if (!file_) return;
  file_.reset();
  const Piece& last = pieces_.back();
  if (last.size > 0 || last.start == 0) return;
  std::ignore = remove_file(folder_, attempt::piece_name(name_, last.start));
  pieces_.pop_back();
}

bool OutputFile::give_back() {
  close();
  const auto last = std::find_if(pieces_.rbegin(), pieces_.rend(),
                                 [](const Piece& piece) { return piece.size > 0; });
  if (last == pieces_.rend()) return false;
  const std::uint64_t cut = std::min<std::uint64_t>(last->size, limits::kOutputGiveBackBytes);
  auto file = open_at(folder_, attempt::piece_name(name_, last->start), O_WRONLY | O_NOFOLLOW);
  if (!file || ::ftruncate(file->get(), static_cast<off_t>(last->size - cut)) != 0) return false;
  last->size -= cut;
  totals_.bytes -= cut;
  failed(cut, ENOSPC);
  return true;
}

void OutputFile::drop_behind() {
  const std::uint64_t size = pieces_.back().size;
  if (size - pushed_bytes_ < limits::kOutputDropBehindBytes) return;
  // Only clean pages can be dropped: begin the write-back of the newest part, and drop what was
  // begun a round ago. Nothing here waits, and no failure matters.
  const auto done = static_cast<off_t>(pushed_bytes_);
  const auto fresh = static_cast<off_t>(size - pushed_bytes_);
  std::ignore = ::sync_file_range(file_.get(), done, fresh, SYNC_FILE_RANGE_WRITE);
  if (done > 0) std::ignore = ::posix_fadvise(file_.get(), 0, done, POSIX_FADV_DONTNEED);
  pushed_bytes_ = size;
}

void OutputFile::failed(std::uint64_t lost_bytes, int error_number) {
  totals_.lost_bytes += lost_bytes;
  if (error_number == 0) return;
  if (totals_.error_number == 0) totals_.error_number = error_number;
  retry_time_ = BootClock::now() + limits::kOutputRetry;
}

}  // namespace takt::supervisor
