// SPDX-License-Identifier: Apache-2.0
// Evidence of kills for memory in job/: the kernel's counts in memory.events.local, and the mark
// that systemd-oomd leaves on what it kills. Guarantees: nothing is concluded from a SIGKILL alone;
// a kill that the leader has outlived is not taken for the leader's own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "cgroup/cgroup.h"

namespace takt::supervisor {

class OomWatch {
 public:
  // Whose limit it was, as in the exit record, and how many processes were killed, if known.
  struct Evidence {
    std::string scope;
    std::optional<std::uint64_t> kills;
  };

  // Where the kernel does not count memory there is nothing to watch, and no evidence.
  void open(const cgroup::Cgroup& job);

  // For poll(2): POLLPRI after a change; -1 if there is nothing to watch.
  [[nodiscard]] int fd() const { return events_.fd(); }
  // After a change, while the leader has not been reaped.
  void look(pid_t leader);

  // The leader was killed by SIGKILL: whether that was for memory.
  [[nodiscard]] std::optional<Evidence> of_leader(const cgroup::Cgroup& base,
                                                  const cgroup::Cgroup& job);
  // All kills by the kernel so far, for a note.
  [[nodiscard]] std::uint64_t kills();

 private:
  struct Counts {
    std::uint64_t kills = 0;
    std::uint64_t limit_hits = 0;  // the limit was the job's own
  };
  Counts read();

  cgroup::EventFile events_;
  Counts outlived_;  // kills that the leader is known to have outlived
};

}  // namespace takt::supervisor
