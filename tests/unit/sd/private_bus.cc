// SPDX-License-Identifier: Apache-2.0
#include "unit/sd/private_bus.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/unique_fd.h"

namespace takt::sd {
namespace {

std::string configuration(const std::string& address) {
  return R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>)" +
         address + R"(</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
)";
}

}  // namespace

PrivateBus::PrivateBus() {
  char folder[] = "/tmp/takt-bus-XXXXXX";
  TAKT_CHECK(::mkdtemp(folder) != nullptr, "mkdtemp");
  folder_ = folder;
  std::ofstream(folder_ + "/config") << configuration(address());
  start();
}

PrivateBus::~PrivateBus() {
  stop();
  std::filesystem::remove_all(folder_);
}

void PrivateBus::start() {
  int ends[2] = {-1, -1};
  TAKT_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  const std::string config = "--config-file=" + folder_ + "/config";
  const std::string print = "--print-address=" + std::to_string(out.get());
  pid_ = ::fork();
  TAKT_CHECK(pid_ >= 0, "fork");
  if (pid_ == 0) {
    ::fcntl(out.get(), F_SETFD, 0);
    ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);  // it tells of fd limits
    ::execlp("dbus-daemon", "dbus-daemon", config.c_str(), print.c_str(), "--nofork", "--nopidfile",
             static_cast<char*>(nullptr));
    ::_exit(127);
  }
  out.reset();
  char byte = 0;  // the address comes once it listens; end of file if it never does
  TAKT_CHECK(::read(in.get(), &byte, 1) == 1, "dbus-daemon does not start; is it installed?");
}

void PrivateBus::stop() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
  std::filesystem::remove(folder_ + "/bus");
}

}  // namespace takt::sd
