// SPDX-License-Identifier: Apache-2.0
#include "support/failing_sync.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/check.h"

namespace takt::test {
namespace {

std::mutex mutex;  // guards what follows
std::string refused_suffix;
std::map<std::string, ino_t> refused_paths;

bool refuses(int fd) {
  const std::lock_guard lock(mutex);
  if (refused_suffix.empty()) return false;
  std::array<char, 4096> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  if (size < 0) return false;
  const std::string path(buffer.data(), static_cast<std::size_t>(size));
  struct stat info {};
  if (!path.ends_with(refused_suffix) || ::fstat(fd, &info) != 0) return false;
  return refused_paths.emplace(path, info.st_ino).second;
}

int sync(long call, int fd) {
  if (!refuses(fd)) return static_cast<int>(::syscall(call, fd));
  errno = EIO;
  return -1;
}

}  // namespace

FailingSync::FailingSync(std::string suffix) {
  const std::lock_guard lock(mutex);
  TAKT_CHECK(refused_suffix.empty() && !suffix.empty(), "one at a time");
  refused_suffix = std::move(suffix);
  refused_paths.clear();
}

FailingSync::~FailingSync() {
  const std::lock_guard lock(mutex);
  refused_suffix.clear();
}

std::map<std::string, ino_t> FailingSync::refused() const {
  const std::lock_guard lock(mutex);
  return refused_paths;
}

}  // namespace takt::test

// In place of libc's.
extern "C" int fdatasync(int fd) { return takt::test::sync(SYS_fdatasync, fd); }
extern "C" int fsync(int fd) { return takt::test::sync(SYS_fsync, fd); }
