// SPDX-License-Identifier: Apache-2.0
#include "support/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/fs.h"
#include "support/child_process.h"

namespace takt::test {
namespace {

constexpr const char* kBallast = "ballast";

void run(const std::vector<std::string>& command) {
  ChildProcess process(command, "/dev/stderr");
  TAKT_CHECK(process.wait() == 0, "%s", command.front().c_str());
}

struct statvfs status_of(int directory) {
  struct statvfs status {};
  TAKT_CHECK(::fstatvfs(directory, &status) == 0, "statvfs");
  return status;
}

}  // namespace

SmallDisk::SmallDisk(std::uint64_t bytes, Kind kind) : path_(folder_.path() + "/disk") {
  TAKT_CHECK(::unshare(CLONE_NEWNS) == 0, "unshare: the test needs root");
  TAKT_CHECK(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount");
  TAKT_CHECK(make_directory(AT_FDCWD, path_, 0755).ok(), "mkdir");
  const std::string size = std::to_string(bytes);
  if (kind == Kind::kTmpfs) {
    const std::string options = "mode=755,size=" + size;
    TAKT_CHECK(::mount("none", path_.c_str(), "tmpfs", 0, options.c_str()) == 0, "mount tmpfs");
  } else {
    const std::string image = folder_.path() + "/image";
    run({"/bin/truncate", "-s", size, image});
    const char* const reserved_percent = kind == Kind::kExt4 ? "0" : "5";
    run({"/sbin/mkfs.ext4", "-q", "-m", reserved_percent, image});
    run({"/bin/mount", "-o", "loop", image, path_});
  }
  auto opened = open_directory(AT_FDCWD, path_);
  TAKT_CHECK(opened.ok(), "%s", path_.c_str());
  directory_ = std::move(*opened);
}

SmallDisk::~SmallDisk() {
  directory_.reset();
  static_cast<void>(::umount2(path_.c_str(), MNT_DETACH));
}

std::uint64_t SmallDisk::size_bytes() const {
  const struct statvfs status = status_of(directory_.get());
  return status.f_blocks * status.f_frsize;
}

std::uint64_t SmallDisk::free_bytes() const {
  const struct statvfs status = status_of(directory_.get());
  return status.f_bavail * status.f_frsize;
}

std::uint64_t SmallDisk::reserved_bytes() const {
  const struct statvfs status = status_of(directory_.get());
  return (status.f_bfree - status.f_bavail) * status.f_frsize;
}

void SmallDisk::fill(std::uint64_t but_bytes) {
  auto file = open_at(directory_.get(), kBallast, O_WRONLY | O_CREAT | O_APPEND, 0600);
  TAKT_CHECK(file.ok(), "ballast");
  const std::string block(64 * 1024, 'x');
  for (std::uint64_t left = 0; (left = free_bytes()) > but_bytes;) {
    const std::size_t size = std::min<std::uint64_t>(left - but_bytes, block.size());
    if (::write(file->get(), block.data(), size) <= 0) break;
  }
}

void SmallDisk::empty() { TAKT_CHECK(remove_file(directory_.get(), kBallast).ok(), "ballast"); }

}  // namespace takt::test
