// SPDX-License-Identifier: Apache-2.0
// One attempt from `go` to its exit record.
//
//   phase      entered by                         left by
//   kStarting  the clone                          exec (Started) | a failed step | leader's end
//   kRunning   exec                               leader's end
//   kEnding    leader's end (`leader=`, Ending)   job/ empty, and known why we were stopped
//   kOver      job/ empty, or no leader           (drain, record, Ended)
//
// Guarantees: the first of {stop, time limit, kill for memory, leader's end} that was acted on or
// seen is the cause; nothing of job/ is left when the record is written; the job waits neither for
// the worker nor for the journal.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "attempt/control.h"
#include "attempt/plan.h"
#include "attempt/records.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "sd/system_state.h"
#include "supervisor/free_space.h"
#include "supervisor/journal_sender.h"
#include "supervisor/leader.h"
#include "supervisor/lease.h"
#include "supervisor/oom.h"
#include "supervisor/pump.h"
#include "supervisor/run_clock.h"
#include "supervisor/signals.h"
#include "supervisor/tree.h"

namespace takt::supervisor {

// What preparation gathered.
struct Prepared {
  attempt::LaunchPlan plan;
  UniqueFd folder;
  cgroup::Cgroup base;
  cgroup::Cgroup job;
};

class Supervision {
 public:
  // After block_signals(). `control` is the worker's; that it closes means nothing from now on.
  Supervision(UniqueFd control, Prepared prepared);

  // Starts the command, waits for its end, writes the record. Returns when nothing is left of it.
  void run();

 private:
  enum class Phase { kStarting, kRunning, kEnding, kOver };

  void begin();
  Result<void> open_event_sources();
  void launch();

  void turn();
  [[nodiscard]] std::optional<BootTime> next_deadline() const;
  [[nodiscard]] std::vector<pollfd> watched() const;
  void reap();
  void look_at_start();
  void look_at_tree();

  void start_failed(const StartFailure& failure);
  void leader_ended(int wait_status);
  void find_cause(int wait_status);
  Result<void> append_to_record(const std::string& lines);
  void stop(const StopSignal& signal);
  void ask_why();
  void look_at_answer();
  void time_out();
  void lose_contact();
  void begin_ending(attempt::EndCause cause, microseconds grace);

  void finish();
  void fill_usage();
  void write_exit_record();
  Result<void> try_exit_record();
  bool give_back_output();
  void tell(const attempt::Message& message);
  void note(const std::string& text);

  UniqueFd control_;
  Prepared prepared_;
  Phase phase_ = Phase::kStarting;
  attempt::ExitRecord record_;
  BootTime start_;
  RunClock clock_;
  Lease lease_;

  std::optional<Signals> signals_;
  std::optional<DeadlineTimer> timer_;
  cgroup::Events events_;
  OomWatch oom_;
  Leader leader_;
  TreeStop tree_;
  JournalSender journal_;
  FreeSpace space_;
  TimelineFile timeline_;
  std::vector<Pump> pumps_;    // stdout, stderr; empty if nothing was launched
  bool asked_to_end_ = false;  // by a stop or by the time limit
  std::optional<sd::SystemStateQuestion> question_;  // while it is open why we are stopped
};

}  // namespace takt::supervisor
