// SPDX-License-Identifier: Apache-2.0
#include "sd/scope_properties.h"

#include <signal.h>
#include <systemd/sd-bus.h>

#include <cstdint>

#include "base/limits.h"

namespace takt::sd {
namespace {

// Appends properties one after another; the first failure is kept.
class Properties {
 public:
  explicit Properties(sd_bus_message* message) : message_(message) {}

  void text(const char* name, const char* value) { add("(sv)", name, "s", value); }
  void yes(const char* name) { add("(sv)", name, "b", 1); }
  void number(const char* name, std::uint64_t value) { add("(sv)", name, "t", value); }
  void signal(const char* name, int value) {
    add("(sv)", name, "i", static_cast<std::int32_t>(value));
  }
  void pid(const char* name, pid_t value) {
    add("(sv)", name, "au", 1, static_cast<std::uint32_t>(value));
  }
  void texts(const char* name, const char* value) { add("(sv)", name, "as", 1, value); }

  [[nodiscard]] int result() const { return result_; }

 private:
  template <class... Args>
  void add(const char* types, Args... args) {
    if (result_ >= 0) result_ = sd_bus_message_append(message_, types, args...);
  }

  sd_bus_message* message_;
  int result_ = 0;
};

std::uint64_t to_us(nanoseconds span) {
  return static_cast<std::uint64_t>(std::chrono::ceil<microseconds>(span).count());
}

}  // namespace

int append_scope_request(sd_bus_message* message, const ScopeRequest& request) {
  int r = sd_bus_message_append(message, "ss", request.unit.c_str(), "fail");
  if (r < 0) return r;
  r = sd_bus_message_open_container(message, 'a', "(sv)");
  if (r < 0) return r;

  Properties properties(message);
  properties.pid("PIDs", request.pid);
  properties.text("Slice", request.slice.c_str());
  properties.text("Description", request.description.c_str());
  properties.yes("Delegate");
  properties.text("CollectMode", "inactive-or-failed");
  properties.text("KillMode", "control-group");
  // The job is told nothing; its supervisor takes PID 1's SIGCONT as the request to stop.
  properties.signal("KillSignal", SIGCONT);
  properties.yes("SendSIGKILL");
  properties.number("TimeoutStopUSec", to_us(request.grace + limits::kScopeStopSlack));
  properties.text("OOMPolicy", "continue");
  properties.number("TasksMax", request.tasks_max.value_or(UINT64_MAX));
  // At shutdown jobs are stopped before the worker that reports their ends.
  properties.texts("After", "takt-worker.service");
  if (request.memory_max_bytes) properties.number("MemoryMax", *request.memory_max_bytes);
  if (request.cpu_weight) properties.number("CPUWeight", *request.cpu_weight);
  if (request.io_weight) properties.number("IOWeight", *request.io_weight);
  if (properties.result() < 0) return properties.result();

  r = sd_bus_message_close_container(message);
  if (r < 0) return r;
  return sd_bus_message_append(message, "a(sa(sv))", 0);  // no auxiliary units
}

}  // namespace takt::sd
