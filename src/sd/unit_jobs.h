// SPDX-License-Identifier: Apache-2.0
// Starts and stops of units, followed until systemd's job has ended. Part of SystemdManager.
//
// An operation is in one of these stages:
//   called    the method call is on its way; JobRemoved may come before its reply, and is kept
//   queued    the reply named the job; its JobRemoved ends the operation
//   doubtful  the reply or the job was lost with the connection, or with a PID 1 that executed
//   itself
//             anew: once the new one has taken our subscription, the unit's own state decides, and
//             a call without effect is sent again
// Guarantees: each callback once, never inside run(); signals count only from the present owner of
// org.freedesktop.systemd1 (anybody may send signals to us).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sd/bus.h"
#include "sd/event_loop.h"

namespace takt::sd {

inline constexpr const char* kSystemdName = "org.freedesktop.systemd1";
inline constexpr const char* kSystemdPath = "/org/freedesktop/systemd1";
inline constexpr const char* kSystemdManager = "org.freedesktop.systemd1.Manager";

// A method of PID 1's Manager object.
Bus::Method manager_method(std::string member);

// The object path of a unit.
std::string unit_path(const std::string& unit);

class UnitJobs : public std::enable_shared_from_this<UnitJobs> {
 public:
  using OnDone = std::function<void(Result<void>)>;

  enum class Goal { kUp, kGone };

  struct Request {
    Goal goal = Goal::kUp;
    std::string unit;
    std::string method;  // of the Manager; gives the path of the job
    Bus::Fill fill;      // called again when the call is sent again
    nanoseconds patience{};
    OnDone done;
  };

  // Outstanding calls keep it alive no longer than its owner does: they go nowhere then.
  static std::shared_ptr<UnitJobs> create(Bus& bus, EventLoop& loop);
  UnitJobs(const UnitJobs&) = delete;
  UnitJobs& operator=(const UnitJobs&) = delete;

  void run(Request request);

  // Calls `done` with the error, later.
  void fail_later(OnDone done, Error error);

  [[nodiscard]] std::size_t pending() const { return operations_.size(); }

 private:
  enum class Stage { kCalled, kQueued, kDoubtful };

  // What a reply or timer is for; stale once its operation has taken another turn.
  struct Ticket {
    std::uint64_t number;
    std::uint64_t turn;
  };

  struct Operation {
    Request request;
    BootTime deadline;
    Stage stage = Stage::kCalled;
    std::uint64_t turn = 0;
    std::string job;          // its object path, when queued
    bool job_is_ours = true;  // else its result says nothing, and the state is looked at
    bool again = false;       // sent before: the unit may be there because of that
    std::vector<std::pair<std::string, std::string>> early;  // job, result: seen before the reply
    Source deadline_timer;
    Source retry_timer;
  };

  UnitJobs(Bus& bus, EventLoop& loop) : bus_(bus), loop_(loop) {}
  template <class F>
  auto guarded(F fn);

  void watch();
  void on_connected();
  void on_owner_changed(sd_bus_message* message);
  void on_job_removed(sd_bus_message* message);
  void subscribe();
  void look_at_all();

  void send(std::uint64_t number);
  void on_reply(Ticket ticket, Result<sd_bus_message*> reply);
  void on_job(std::uint64_t number, std::string job, bool ours);
  void job_ended(std::uint64_t number, const std::string& result);
  void doubt(std::uint64_t number);
  void look(std::uint64_t number);
  void on_job_property(Ticket ticket, Result<sd_bus_message*> reply);
  void on_state(Ticket ticket, Result<sd_bus_message*> reply);
  void finish(std::uint64_t number, Result<void> result);
  Operation* find(Ticket ticket);
  void get_property(const std::string& unit, const char* name, Bus::Done done);

  Bus& bus_;
  EventLoop& loop_;
  std::string owner_;  // unique name of PID 1 on the bus, empty while there is none
  std::uint64_t next_number_ = 0;
  std::map<std::uint64_t, Operation> operations_;
  std::multimap<std::string, std::uint64_t> by_unit_;
  std::map<std::uint64_t, Source> failing_;
};

}  // namespace takt::sd
