// SPDX-License-Identifier: Apache-2.0
// Who is told what truly happens, and judges it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job/job.h"

namespace takt::sim {

class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  virtual ~Watcher() = default;

  // A start arrived at a worker.
  virtual void on_start_arrived(const AttemptId& attempt, const Uuid& worker) = 0;
  // The command runs from now on.
  virtual void on_run(const AttemptId& attempt, const Uuid& worker) = 0;
  // Nothing of it is left. It may be told with this exit code, if it exited.
  virtual void on_gone(const AttemptId& attempt, std::optional<int> exit_code) = 0;
  // The scheduler says that the end is on its disk.
  virtual void on_acknowledged(const AttemptId& attempt) = 0;
  virtual void on_rebooted(const Uuid& worker, const std::string& last_boot) = 0;
  // Whether the scheduler has it on disk that the attempt runs.
  [[nodiscard]] virtual bool known_to_run(const AttemptId& attempt) const = 0;
  // What a worker that lies may have heard of, in order: attempts that have not ended and are not
  // on it, and the next ones of jobs that wait.
  [[nodiscard]] virtual std::vector<AttemptId> attempts_elsewhere(const Uuid& worker) const = 0;
};

// By what a lie that becomes a record is known: the worker that said it.
inline std::string lie_of(const std::string& worker) { return "a lie of " + worker; }
inline bool is_lie(const std::string& text) { return text.starts_with("a lie of "); }

}  // namespace takt::sim
