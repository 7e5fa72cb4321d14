// SPDX-License-Identifier: Apache-2.0
#include "sd/system_state.h"

#include <poll.h>
#include <systemd/sd-bus.h>

#include <utility>

#include "base/limits.h"
#include "sd/unit_jobs.h"

namespace takt::sd {
namespace {

// Where systemctl(1) asks too, as root.
constexpr const char* kPrivateSocket = "unix:path=/run/systemd/private";
constexpr auto kStateTimeout = std::chrono::seconds(5);

}  // namespace

struct SystemStateQuestion::Connection {
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { sd_bus_close_unref(bus); }

  int send() {
    int r = sd_bus_new(&bus);
    if (r >= 0) r = sd_bus_set_address(bus, kPrivateSocket);
    if (r >= 0) r = sd_bus_start(bus);
    if (r >= 0)
      r = sd_bus_call_method_async(bus, nullptr, kSystemdName, kSystemdPath,
                                   "org.freedesktop.DBus.Properties", "Get", on_reply, this, "ss",
                                   kSystemdManager, "SystemState");
    return r;
  }

  static int on_reply(sd_bus_message* reply, void* self, sd_bus_error*) {
    std::optional<Result<std::string>>& answer = static_cast<Connection*>(self)->answer;
    const char* state = nullptr;
    if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
      answer = make_error(ErrorCode::kInternal, error->message != nullptr ? error->message : "");
    } else if (const int r = sd_bus_message_read(reply, "v", "s", &state); r < 0) {
      answer = system_error("reading systemd's answer", -r);
    } else {
      answer = std::string(state);
    }
    return 0;
  }

  sd_bus* bus = nullptr;
  std::optional<Result<std::string>> answer;
};

SystemStateQuestion::SystemStateQuestion(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)), deadline_(BootClock::now() + kStateTimeout) {}
SystemStateQuestion::SystemStateQuestion(SystemStateQuestion&&) noexcept = default;
SystemStateQuestion& SystemStateQuestion::operator=(SystemStateQuestion&&) noexcept = default;
SystemStateQuestion::~SystemStateQuestion() = default;

Result<SystemStateQuestion> SystemStateQuestion::ask() {
  auto connection = std::make_unique<Connection>();
  if (const int r = connection->send(); r < 0) return system_error("asking systemd", -r);
  return SystemStateQuestion(std::move(connection));
}

int SystemStateQuestion::fd() const { return sd_bus_get_fd(connection_->bus); }

short SystemStateQuestion::events() const {
  const int events = sd_bus_get_events(connection_->bus);
  return static_cast<short>(events < 0 ? POLLIN : events);
}

std::optional<Result<std::string>> SystemStateQuestion::turn() {
  int r = 1;
  while (r > 0 && !connection_->answer) r = sd_bus_process(connection_->bus, nullptr);
  if (connection_->answer) return connection_->answer;
  if (r < 0) return system_error("asking systemd", -r);
  if (BootClock::now() < deadline_) return std::nullopt;
  return make_error(ErrorCode::kDeadlineExceeded, "systemd does not answer");
}

}  // namespace takt::sd
