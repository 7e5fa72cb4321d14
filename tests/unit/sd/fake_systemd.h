// SPDX-License-Identifier: Apache-2.0
// A small org.freedesktop.systemd1 on a test's bus: it queues jobs, ends them when and how the test
// says, and keeps units. It runs on the thread of what is tested, as a peer that the bus alone
// connects with it: libsystemd, which keeps state for the whole process without a lock, is used by
// one thread only. Every public function is for the test's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "unit/sd/loop_thread.h"

struct sd_bus;
struct sd_bus_message;

namespace takt::sd {

class FakeSystemd {
 public:
  enum class Ending { kAfterReply, kBeforeReply, kNever };

  // How the next calls fare.
  struct Script {
    Ending ending = Ending::kAfterReply;
    std::string result = "done";        // of the job
    std::string error;                  // D-Bus error instead of a reply
    bool hold = false;                  // keep the call unanswered, without effect
    bool effect_without_reply = false;  // do it, and keep the call unanswered
    std::string system_state = "running";
  };

  struct Unit {
    std::string state = "inactive";
    std::string slice;
    std::string control_group;
    std::uint32_t job = 0;
  };

  // `thread` outlives it.
  FakeSystemd(LoopThread& thread, const std::string& address);
  ~FakeSystemd();
  FakeSystemd(const FakeSystemd&) = delete;
  FakeSystemd& operator=(const FakeSystemd&) = delete;

  // Leaves the bus, and comes back under a new unique name; units stay, held calls do not.
  void leave();
  void join();

  void script(const Script& script);
  void put_unit(const std::string& name, const Unit& unit);
  std::string unit_state(const std::string& name);

  // Ends the job that `unit` has: JobRemoved, and the unit's new state.
  void end_job(const std::string& unit, const std::string& result);

  // Without a signal, as if it had been lost: the unit has this state and no job.
  void end_job_silently(const std::string& unit, const std::string& state);

  // Waits until `count` calls of `method` have come since the start.
  [[nodiscard]] bool wait_calls(const std::string& method, std::size_t count);
  std::size_t calls(const std::string& method);
  std::size_t held();

  // Answers held calls now, as by the script.
  void release_held();

  // The unique name of the last caller.
  std::string client();

  // What the last call of `method` carried, as text: [arrays], (structs), <variants>.
  std::string last_arguments(const std::string& method);

 private:
  struct Handlers;
  void serve(sd_bus_message* message, const std::string& method);
  void act(sd_bus_message* message, const std::string& method);
  std::uint32_t queue_job(const std::string& unit, const std::string& method);
  void finish_job(const std::string& unit, const std::string& result);
  void list_units(sd_bus_message* message);

  LoopThread& thread_;
  std::string address_;
  // All of the thread's:
  sd_bus* bus_ = nullptr;
  Script script_;
  std::uint32_t next_job_ = 1;
  std::map<std::string, Unit> units_;
  std::string client_;
  std::map<std::string, std::size_t> calls_;
  std::map<std::string, std::string> arguments_;
  std::map<std::string, std::string> goals_;  // of queued jobs: the state that "done" gives
  std::vector<std::pair<sd_bus_message*, std::string>> held_;
};

}  // namespace takt::sd
