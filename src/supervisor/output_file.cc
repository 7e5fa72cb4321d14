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

constexpr mode_t kOutputMode = 0640;

}  // namespace

bool OutputFile::open() {
  if (file_) return true;
  auto file = open_at(folder_, name_, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, kOutputMode);
  if (!file) {
    lose(0, file.error().error_number);
    return false;
  }
  file_ = std::move(*file);
  return true;
}

void OutputFile::create() { open(); }

void OutputFile::append(std::string_view bytes) {
  const std::uint64_t room = cap_bytes_ - std::min(cap_bytes_, totals_.bytes);
  const std::string_view kept = bytes.substr(0, std::min<std::uint64_t>(room, bytes.size()));
  totals_.truncated_bytes += bytes.size() - kept.size();
  if (kept.empty()) return;
  if (!open()) return lose(kept.size(), 0);
  std::string_view rest = kept;
  while (!rest.empty()) {
    const ssize_t put = ::write(file_.get(), rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return lose(rest.size(), errno);
    rest.remove_prefix(static_cast<std::size_t>(put));
    totals_.bytes += static_cast<std::uint64_t>(put);
  }
  drop_behind();
}

void OutputFile::drop_behind() {
  if (totals_.bytes - pushed_bytes_ < limits::kOutputDropBehindBytes) return;
  // Only clean pages can be dropped: begin the write-back of the newest part, and drop what was
  // begun a round ago. Nothing here waits, and no failure matters.
  const auto done = static_cast<off_t>(pushed_bytes_);
  const auto fresh = static_cast<off_t>(totals_.bytes - pushed_bytes_);
  std::ignore = ::sync_file_range(file_.get(), done, fresh, SYNC_FILE_RANGE_WRITE);
  if (done > 0) std::ignore = ::posix_fadvise(file_.get(), 0, done, POSIX_FADV_DONTNEED);
  pushed_bytes_ = totals_.bytes;
}

void OutputFile::lose(std::size_t bytes, int error_number) {
  totals_.lost_bytes += bytes;
  if (totals_.error_number == 0) totals_.error_number = error_number;
}

}  // namespace takt::supervisor
