// SPDX-License-Identifier: Apache-2.0
#include "sd/notify.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.h"

namespace takt::sd {
namespace {

TEST(NotifyTest, SilentWithoutAManager) {
  ::unsetenv("NOTIFY_SOCKET");
  notify_ready();
  notify_status("nobody hears this");
  notify_reloading();
  notify_stopping();
}

TEST(NotifyTest, TellsTheManager) {
  const UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An abstract address, chosen by the kernel.
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)),
            0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(manager.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string name(address.sun_path + 1, size - sizeof(sa_family_t) - 1);
  ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  const auto heard = [&] {
    char text[256];
    const ssize_t got = ::recv(manager.get(), text, sizeof text, 0);
    return got < 0 ? std::string("nothing") : std::string(text, static_cast<std::size_t>(got));
  };
  notify_ready();
  EXPECT_EQ(heard(), "READY=1");
  notify_status("two\nlines");
  EXPECT_EQ(heard(), "STATUS=two lines");
  notify_reloading();
  EXPECT_EQ(heard().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  notify_stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
  EXPECT_EQ(heard(), "nothing");

  // The service has no descriptor left for a socket.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  notify_watchdog();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(heard(), "WATCHDOG=1");

  // The manager does not read: what it can take is taken, and then nobody waits for it.
  for (int i = 0; i < 10000; ++i) notify_status("once more");
  EXPECT_EQ(heard(), "STATUS=once more");
  ::unsetenv("NOTIFY_SOCKET");
}

TEST(NotifyTest, BootedAsTheFolderSays) {
  EXPECT_EQ(booted(), ::access("/run/systemd/system/", F_OK) == 0);
}

}  // namespace
}  // namespace takt::sd
