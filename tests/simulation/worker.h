// SPDX-License-Identifier: Apache-2.0
// A simulated worker with its host. Promises what the real one does: a start is on disk before its
// command runs, an end before it is told; the full list begins each session; an end is told until
// it is acknowledged; a lease is kept by the supervisor, on the host's own clock, whatever becomes
// of the worker. One that lies does so, too, and says other things besides (worker_lies.cc).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "job/job.h"
#include "job/worker.h"
#include "simulation/call.h"
#include "simulation/caller.h"
#include "simulation/network.h"
#include "simulation/watcher.h"
#include "takt/v1/registry_service.pb.h"
#include "takt/v1/worker_service.pb.h"

namespace takt::sim {

class Worker final : public Server {
 public:
  struct Shape {
    std::string name;
    Capacity capacity;
    std::int64_t clock_ppm = 0;  // how much faster than true time its clock runs
    bool lies = false;
  };

  Worker(Shape shape, Network& network, Scheduler& scheduler, const CallFaults& calls,
         Watcher& watcher);

  [[nodiscard]] const Uuid& id() const { return id_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] Path& path() { return path_; }
  [[nodiscard]] bool up() const { return process_ != nullptr; }
  // Attempts that it would list.
  [[nodiscard]] std::size_t holds() const { return attempts_.size(); }
  // Breaks its sessions; the process lives.
  void cut_connections();
  // The process dies, its attempts live; it comes back after a while.
  void crash(nanoseconds down);
  // … and has forgotten attempts that were told to run: the disk lost its last writes.
  void crash_and_forget(nanoseconds down);
  // It deregisters and goes; its attempts live.
  void leave(nanoseconds down);
  // The host loses power, or goes down in order.
  void reboot(bool in_order, nanoseconds down);
  // How often it does not take a start.
  void set_refusals(double probability) { refusals_ = probability; }
  // It lies from now on, also about these, until it is to be honest.
  void begin_lies(const std::vector<std::unique_ptr<Worker>>& all);
  void end_lies();

  [[nodiscard]] bool listens() const override { return up(); }
  void on_message(const StreamPtr& stream, const v1::SessionRequest& message) override;
  void on_end(const StreamPtr& stream) override;

 private:
  struct Held {
    AttemptId id;
    std::optional<microseconds> lease;
    microseconds grace{};
    nanoseconds work{};  // left of the command
    BootTime work_since{};
    int exit_code = 0;
    v1::JobState state = v1::JOB_STATE_STARTING;
    WallTime start_time;
    WallTime end_time;
    bool ran = false;          // go was sent
    bool alive = false;        // something of it is left
    bool end_durable = false;  // then it may be told
    std::optional<v1::JobEnd> end;
    nanoseconds contact{};  // by the host's clock
    Life phase;             // of what its supervisor waits for
  };
  struct Session {
    StreamPtr stream;
    nanoseconds greeted{};  // by the host's clock
    BootTime last_heard{};
    std::map<AttemptId, v1::StopCommand> early_stops;
    std::set<AttemptId> starts;  // that came in it
  };

  // worker.cc: host and process
  [[nodiscard]] nanoseconds clock() const;
  [[nodiscard]] nanoseconds true_span(nanoseconds by_clock) const;
  void boot();
  void begin_process();
  void end_process();
  void check_in();
  void register_again();
  [[nodiscard]] v1::RegisterWorkerRequest registration() const;

  // worker_session.cc
  void on_hello(const StreamPtr& stream, const v1::SchedulerHello& hello);
  void on_start(const v1::StartCommand& command);
  void on_stop(const v1::StopCommand& command);
  void on_freeze(const v1::FreezeCommand& command);
  void on_acknowledge(const v1::AcknowledgeCommand& command);
  void beat();
  void refuse(const AttemptId& id);
  void end_start(const AttemptId& id, v1::EndCause cause);
  void report(const Held& held);
  void send(v1::SessionResponse message);
  [[nodiscard]] v1::Attempt record_of(const Held& held) const;
  Held accept(const AttemptId& id, const v1::JobSpec& spec) const;

  // worker_lies.cc
  void lie_later();
  void lie();
  void lie_about_attempts();
  void lie_about_others();
  void lie_about_itself();
  void flood();
  void register_as_another();
  void spoil(v1::WorkerHello& hello) const;
  void send_lie(v1::SessionResponse message);
  [[nodiscard]] v1::Attempt any_own_attempt() const;
  [[nodiscard]] v1::Attempt any_attempt_elsewhere() const;
  [[nodiscard]] const Worker& any_worker() const;
  [[nodiscard]] rpc::Caller caller() const;

  // worker_attempts.cc
  void go(const AttemptId& id);
  void work_on(Held& held);
  void watch_lease(Held& held);
  void look_at_lease(const AttemptId& id);
  void stop(Held& held, v1::EndCause cause, const std::string& by, nanoseconds grace);
  void freeze(Held& held, bool frozen);
  void leader_ended(const AttemptId& id);
  void end(Held& held, v1::JobEnd end);
  void make_durable(const AttemptId& id);
  void recover();

  // Runs with the attempt unless it is gone, or in another phase, by then.
  void in_phase(nanoseconds delay, const Held& held, void (Worker::*step)(const AttemptId&));

  const Shape shape_;
  const Uuid id_ = Uuid::random();
  Network& network_;
  Scheduler& scheduler_;
  const CallFaults& calls_;
  Watcher& watcher_;
  const std::string address_;
  Path& path_;
  double refusals_ = 0;
  const std::vector<std::unique_ptr<Worker>>* all_ = nullptr;  // while it lies

  // The host.
  int boots_ = 0;
  std::string boot_id_;
  BootTime booted_{};
  std::map<AttemptId, Held> attempts_;      // on disk, but for those that have not run
  std::map<AttemptId, v1::Attempt> ended_;  // acknowledged, and kept as history
  nanoseconds contact_file_{};

  // The process.
  Life process_;  // null while it is down
  bool leaving_ = false;
  Session session_;
  std::int64_t epoch_ = 0;
  std::int64_t session_number_ = 0;
  nanoseconds heard_{};
  nanoseconds backoff_{};
};

}  // namespace takt::sim
