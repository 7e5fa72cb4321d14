// SPDX-License-Identifier: Apache-2.0
#include "worker/stream_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fs.h"

namespace takt::worker {

Result<bool> StreamReader::open(std::uint64_t start) {
  if (file_ && file_start_ == start) return true;
  auto file = open_at(folder_, attempt::piece_name(file_of(stream_), start), O_RDONLY | O_NOFOLLOW);
  if (!file && file.error().error_number == ENOENT) return false;
  if (!file) return file.error();
  file_ = std::move(*file);
  file_start_ = start;
  return true;
}

Result<StreamReader::Extent> StreamReader::extent() {
  if (starts_.empty()) return Extent{};
  auto opened = open(starts_.back());
  if (!opened) return opened.error();
  if (!*opened) return Extent{};
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) return system_error("stat output");
  return Extent{.end = file_start_ + static_cast<std::uint64_t>(status.st_size),
                .last_write = from_unix_time(status.st_mtim.tv_sec, status.st_mtim.tv_nsec)};
}

Result<std::uint64_t> StreamReader::read(std::uint64_t from, std::uint64_t end, std::size_t most,
                                         std::string& data) {
  data.clear();
  auto next = std::upper_bound(starts_.begin(), starts_.end(), from);
  std::uint64_t at = from;
  if (next != starts_.begin()) --next;
  for (; next != starts_.end() && at < end; ++next) {
    at = std::max(at, *next);
    const std::uint64_t stop = next + 1 == starts_.end() ? end : std::min(end, *(next + 1));
    if (at >= stop) continue;
    auto opened = open(*next);
    if (!opened) return opened.error();
    if (!*opened) continue;
    data.resize(std::min<std::uint64_t>(most, stop - at));
    const ssize_t got =
        ::pread(file_.get(), data.data(), data.size(), static_cast<off_t>(at - file_start_));
    if (got < 0) return system_error(std::string("read ") + file_of(stream_));
    data.resize(static_cast<std::size_t>(got));
    if (got > 0) return at;
  }
  data.clear();
  return end;
}

}  // namespace takt::worker
