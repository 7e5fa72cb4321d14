// SPDX-License-Identifier: Apache-2.0
// Lines of a job to the journal, by its native protocol over a datagram socket of our own.
// Guarantees: never blocks; memory is bounded; every line is counted as sent or as dropped. Its
// identifier begins with takt/, and the job's user, process and unit are in its OBJECT_ fields: the
// trusted fields (_UID=, _EXE=) are this supervisor's, which no job can forge. Lines
// wait in a small backlog while the journal is busy; beyond that, and beyond a budget of lines
// (past which the journal itself would drop them silently) and of bytes, they are dropped.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "attempt/output_files.h"
#include "attempt/plan.h"
#include "base/clock.h"
#include "base/unique_fd.h"

namespace takt::supervisor {

using attempt::Stream;

class JournalSender {
 public:
  using Clock = BootTime (*)();

  // Sends nothing at all where the plan says journal = no. `clock` measures the budget's window.
  explicit JournalSender(const attempt::LaunchPlan& plan, Clock clock = BootClock::now);

  // From now on lines name the leader's process, of which the journal adds what it knows. Only
  // until it is reaped: its pid may then be another process's. 0: no process.
  void set_leader(pid_t pid);

  // One line without its newline, any bytes.
  void line(Stream stream, std::string_view text);

  // The socket to be polled for POLLOUT, or -1 while nothing waits.
  [[nodiscard]] int waiting_fd() const { return backlog_.empty() ? -1 : socket_.get(); }
  // Sends what waits, as far as the journal takes it now.
  void flush();
  // The end: gives what waits until `deadline`, then drops it.
  void finish(BootTime deadline);

  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  enum class Outcome { kSent, kBusy, kLost };
  struct Waiting {
    Stream stream;
    std::string text;
  };

  bool connect();
  bool within_budget(std::size_t bytes);
  Outcome send(Stream stream, std::string_view text);
  Outcome send_once(Stream stream, std::string_view text);
  void count(Outcome outcome);

  bool enabled_;
  std::string path_;
  std::string stdout_fields_;
  std::string stderr_fields_;
  std::string leader_field_;  // empty: no process
  UniqueFd socket_;
  std::deque<Waiting> backlog_;
  std::size_t backlog_bytes_ = 0;
  Clock clock_;
  BootTime window_start_;
  std::size_t window_lines_ = 0;
  std::size_t window_bytes_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace takt::supervisor
