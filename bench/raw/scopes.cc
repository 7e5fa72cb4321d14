// SPDX-License-Identifier: Apache-2.0
#include "bench/raw/scopes.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/check.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "bench/timing.h"

namespace takt::bench {
namespace {

constexpr const char* kName = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

void check(int result, const char* what) {
  TAKT_CHECK(result >= 0, "%s: %s", what, errno_text(-result).c_str());
}

// A forked process that waits for a byte before it executes the command.
struct Waiting {
  pid_t pid = 0;
  UniqueFd go;
};

Waiting fork_waiting(const sigset_t& signals) {
  std::array<int, 2> ends{};
  TAKT_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe: %s", errno_text(errno).c_str());
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = ::fork();
  TAKT_CHECK(pid >= 0, "fork: %s", errno_text(errno).c_str());
  if (pid == 0) {
    char byte = 0;
    ::sigprocmask(SIG_SETMASK, &signals, nullptr);
    if (::read(read_end.get(), &byte, 1) == 1) ::execl("/bin/true", "/bin/true", nullptr);
    ::_exit(127);
  }
  return {pid, std::move(write_end)};
}

// The loop; its members are what the callbacks of libsystemd need.
class ScopeLoop {
 public:
  ScopeLoop(int count, int in_flight) : count_(count), in_flight_(in_flight) {
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, &signals_);  // sd_event_add_child wants that
    check(sd_event_default(&event_), "sd_event_default");
    check(sd_bus_open_system(&bus_), "connecting to the system bus");
    check(sd_bus_attach_event(bus_, event_, SD_EVENT_PRIORITY_NORMAL), "sd_bus_attach_event");
    check(sd_bus_match_signal(bus_, nullptr, kName, kPath, kManager, "JobRemoved", on_job_removed,
                              this),
          "sd_bus_match_signal");
    check(sd_bus_call_method(bus_, kName, kPath, kManager, "Subscribe", nullptr, nullptr, nullptr),
          "Subscribe");
  }
  ~ScopeLoop() {
    sd_bus_flush_close_unref(bus_);
    sd_event_unref(event_);
    ::sigprocmask(SIG_SETMASK, &signals_, nullptr);
  }
  ScopeLoop(const ScopeLoop&) = delete;
  ScopeLoop& operator=(const ScopeLoop&) = delete;

  void run() {
    fill();
    check(sd_event_loop(event_), "sd_event_loop");
  }

 private:
  void fill() {
    while (started_ < count_ && started_ - reaped_ < in_flight_) start();
  }

  void start() {
    // systemd knows the units of earlier loops until it has collected them.
    const std::string unit =
        "takt-bench-" + std::to_string(::getpid()) + "-" + std::to_string(started_++) + ".scope";
    Waiting process = fork_waiting(signals_);
    check(sd_event_add_child(event_, nullptr, process.pid, WEXITED, on_reaped, this),
          "sd_event_add_child");
    check(sd_bus_call_method_async(bus_, nullptr, kName, kPath, kManager, "StartTransientUnit",
                                   on_reply, nullptr, "ssa(sv)a(sa(sv))", unit.c_str(), "fail", 2,
                                   "PIDs", "au", 1, static_cast<std::uint32_t>(process.pid),
                                   "CollectMode", "s", "inactive-or-failed", 0),
          "StartTransientUnit");
    waiting_.emplace(unit, std::move(process));
  }

  static int on_reply(sd_bus_message* reply, void*, sd_bus_error*) {
    const sd_bus_error* error = sd_bus_message_get_error(reply);
    TAKT_CHECK(error == nullptr, "StartTransientUnit: %s", error->message);
    return 0;
  }

  static int on_job_removed(sd_bus_message* signal, void* self, sd_bus_error*) {
    auto& waiting = static_cast<ScopeLoop*>(self)->waiting_;
    std::uint32_t id = 0;
    const char* job = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    check(sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result), "JobRemoved");
    const auto found = waiting.find(unit);
    if (found == waiting.end()) return 0;
    TAKT_CHECK(std::string_view(result) == "done", "the job of %s is %s", unit, result);
    TAKT_CHECK(::write(found->second.go.get(), "g", 1) == 1, "write to a waiting process");
    waiting.erase(found);
    return 0;
  }

  static int on_reaped(sd_event_source*, const siginfo_t* info, void* self) {
    auto& loop = *static_cast<ScopeLoop*>(self);
    TAKT_CHECK(info->si_code == CLD_EXITED && info->si_status == 0, "a command failed");
    if (++loop.reaped_ == loop.count_) return sd_event_exit(loop.event_, 0);
    loop.fill();
    return 0;
  }

  const int count_;
  const int in_flight_;
  int started_ = 0;
  int reaped_ = 0;
  sigset_t signals_{};
  sd_event* event_ = nullptr;
  sd_bus* bus_ = nullptr;
  std::unordered_map<std::string, Waiting> waiting_;  // by unit
};

}  // namespace

Outcome scope_loop(int count, int in_flight) {
  ScopeLoop loop(count, in_flight);
  return {.span = timed([&] { loop.run(); })};
}

}  // namespace takt::bench
