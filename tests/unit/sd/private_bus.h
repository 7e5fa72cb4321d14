// SPDX-License-Identifier: Apache-2.0
// A dbus-daemon of the test's own, on a socket in a folder of its own. Kept across restarts: the
// address. Needs the program dbus-daemon.
#pragma once

#include <sys/types.h>

#include <string>

namespace takt::sd {

class PrivateBus {
 public:
  PrivateBus();
  ~PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  [[nodiscard]] std::string address() const { return "unix:path=" + folder_ + "/bus"; }

  // Returns once it accepts connections.
  void start();
  void stop();

 private:
  std::string folder_;
  pid_t pid_ = 0;
};

}  // namespace takt::sd
