// SPDX-License-Identifier: Apache-2.0
// A small file system of the test's own that can be frozen: whoever writes to it then waits in the
// kernel and cannot be killed. Guarantees: thawed, unmounted and removed with its owner.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/check.h"
#include "base/fs.h"

namespace takt::component {

class FrozenDisk {
 public:
  // Below `folder`, in which every user may make files. Not frozen yet.
  explicit FrozenDisk(const std::string& folder)
      : image_(folder + "/disk.image"), mount_(folder + "/disk") {
    TAKT_CHECK(make_directories(mount_, 0777).ok(), "%s", mount_.c_str());
    run("truncate -s 16M " + image_);
    run("mke2fs -q -t ext4 " + image_);
    run("mount -o loop " + image_ + " " + mount_);
    run("chmod 0777 " + mount_);
    auto opened = open_directory(AT_FDCWD, mount_);
    TAKT_CHECK(opened.ok(), "%s", opened.error().message.c_str());
    directory_ = std::move(*opened);
  }
  FrozenDisk(const FrozenDisk&) = delete;
  FrozenDisk& operator=(const FrozenDisk&) = delete;
  ~FrozenDisk() {
    thaw();
    directory_.reset();
    run("umount " + mount_);
  }

  [[nodiscard]] const std::string& path() const { return mount_; }
  void freeze() {
    TAKT_CHECK(::ioctl(directory_.get(), FIFREEZE, 0) == 0, "FIFREEZE");
    frozen_ = true;
  }
  void thaw() {
    if (frozen_) static_cast<void>(::ioctl(directory_.get(), FITHAW, 0));
    frozen_ = false;
  }

 private:
  static void run(const std::string& command) {
    TAKT_CHECK(std::system(command.c_str()) == 0, "%s", command.c_str());
  }

  const std::string image_;
  const std::string mount_;
  UniqueFd directory_;
  bool frozen_ = false;
};

}  // namespace takt::component
