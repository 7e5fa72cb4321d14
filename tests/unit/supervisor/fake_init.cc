// SPDX-License-Identifier: Apache-2.0
#include "unit/supervisor/fake_init.h"

#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace takt::supervisor {
namespace {

constexpr const char* kSocket = "/run/systemd/private";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

}  // namespace

struct FakeInit::Handlers {
  static int on_message(sd_bus_message* message, void* self, sd_bus_error*) {
    const auto& fake = *static_cast<FakeInit*>(self);
    if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get") <= 0)
      return 0;
    const char* interface = nullptr;
    const char* property = nullptr;
    TAKT_CHECK(sd_bus_message_read(message, "ss", &interface, &property) >= 0, "bad question");
    if (std::string_view(interface) != kManager || std::string_view(property) != "SystemState")
      return 0;
    return sd_bus_reply_method_return(message, "v", "s", fake.state_.c_str());
  }
};

FakeInit::FakeInit(std::string state) : state_(std::move(state)) {
  TAKT_CHECK(::mount("tmpfs", "/run", "tmpfs", 0, nullptr) == 0, "mount /run");
  TAKT_CHECK(::mkdir("/run/systemd", 0755) == 0, "mkdir");
  listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, kSocket, sizeof address.sun_path - 1);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  TAKT_CHECK(::bind(listener_.get(), where, sizeof address) == 0, "bind");
  TAKT_CHECK(::listen(listener_.get(), 1) == 0, "listen");
  thread_ = std::thread([this] { serve(); });
}

FakeInit::~FakeInit() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

void FakeInit::answer() { answer_.set_value(); }

void FakeInit::serve() {
  const UniqueFd caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!caller) return;  // nobody asked
  answer_.get_future().wait();
  sd_bus* bus = nullptr;
  TAKT_CHECK(sd_bus_new(&bus) >= 0, "bus");
  const int fd = ::dup(caller.get());
  TAKT_CHECK(sd_bus_set_fd(bus, fd, fd) >= 0, "fd");
  TAKT_CHECK(sd_bus_set_server(bus, 1,
                               SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 10)) >= 0,
             "server");
  TAKT_CHECK(sd_bus_add_filter(bus, nullptr, Handlers::on_message, this) >= 0, "filter");
  TAKT_CHECK(sd_bus_start(bus) >= 0, "start");
  for (int r = 0; r >= 0;) {
    r = sd_bus_process(bus, nullptr);
    if (r == 0) r = sd_bus_wait(bus, UINT64_MAX);
  }
  sd_bus_unref(bus);
}

}  // namespace takt::supervisor
