// SPDX-License-Identifier: Apache-2.0
// An attempt that the worker looks after: from its acceptance until its end is acknowledged.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attempt/control.h"
#include "attempt/records.h"
#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "job/job.h"
#include "sd/event_loop.h"
#include "sd/inotify.h"
#include "worker/acceptance.h"
#include "worker/output_gate.h"
#include "worker/user_lookup.h"

namespace takt::worker {

// How far a start has come; after kGo the command may have run.
enum class Step {
  kWaiting,    // for its turn: at most [jobs] starts_at_once are on their way
  kPreparing,  // looking up, spawning, preparing
  kReady,      // the supervisor has prepared all; waits for the record to be durable
  kGo,         // `go` was sent
  kEnding,     // the end is being worked out or made durable
  kEnded,      // the end is durable; waits to be acknowledged
};

// Freezing and thawing job/, while somebody waits for it or it is frozen.
struct Freezing {
  std::shared_ptr<cgroup::Events> events;
  sd::Source source;
  struct Waiting {
    bool frozen;  // what is waited for
    std::function<void(const Result<void>&)> done;
  };
  std::vector<Waiting> waiting;
};

// Why an attempt goes back to its scheduler, and the step at which the host failed, if it did.
struct GivenBack {
  Error why;
  std::string failed_step;
};

struct LiveAttempt {
  Attempt record;  // what is told
  Acceptance acceptance;
  Step step = Step::kWaiting;
  bool start_durable = false;
  bool holds_turn = false;      // counts among the starts at once
  bool holds_launcher = false;  // the launcher keeps something for it: release() is due
  bool parking = false;         // the launcher has not answered yet: a process may come

  UniqueFd folder;
  UserIdentity identity;  // once looked up

  pid_t pid = 0;  // of the supervisor, for display and the record
  UniqueFd pidfd;
  sd::Source pidfd_source;
  UniqueFd control;  // until the supervisor closes it; none after a restart of the worker
  sd::Source control_source;
  cgroup::Cgroup base;              // holds job/ and supervisor/
  std::string slice;                // of the scope, or the user's directory; the launcher's
  sd::Inotify::Watch leader_watch;  // on `supervisor`, when there is no control socket
  sd::Source empty_source;          // while waiting for job/ to be empty
  sd::Source backstop;              // for a supervisor that does not stop the job
  sd::Source time_backstop;         // for one that does not keep the time limit
  std::optional<BootTime> ending_since;
  sd::Source holdouts_timer;  // the next look at what is left, while ENDING
  Freezing freezing;
  std::size_t followers = 0;  // that wait for more output
  sd::Inotify::Watch output_watch;

  std::optional<attempt::StopRecord> stop;        // asked for
  std::optional<attempt::ExitRecord> end_record;  // the supervisor's, else the worker's own
  std::optional<GivenBack> given_back;            // to its scheduler: there will be no end
  std::string damage;  // which of its records could not be read, for people
  std::vector<std::function<void(const Attempt&)>> on_settled;  // runs, or ended
  std::shared_ptr<OutputGate> output;

  [[nodiscard]] Owner owner() const { return owner_of(acceptance); }
  [[nodiscard]] AttemptKey key() const { return {owner(), record.id}; }

  // `go` was sent, so only the supervisor or its death ends it.
  [[nodiscard]] bool went() const { return step >= Step::kGo; }
};

// Shared, so that an answer that comes late finds a dead weak_ptr and not another attempt.
using LivePtr = std::shared_ptr<LiveAttempt>;

// The attempts that this worker looks after. An id is held by one owner at a time: folder, cgroup
// and scope have its name.
class AttemptTable {
 public:
  // No attempt of this id may be in the table.
  void add(const LivePtr& live) { live_[live->record.id] = live; }
  void remove(const LiveAttempt& live) { live_.erase(live.record.id); }

  // Null: there is none, or it is another owner's.
  [[nodiscard]] LivePtr find(const AttemptKey& key) const {
    const auto found = live_.find(key.id);
    return found != live_.end() && found->second->owner() == key.owner ? found->second : nullptr;
  }
  // Of any owner, for what decides by itself who may see it. Null: there is none.
  [[nodiscard]] LivePtr find_any(const AttemptId& id) const {
    const auto found = live_.find(id);
    return found == live_.end() ? nullptr : found->second;
  }
  // All of this owner, by id.
  [[nodiscard]] std::vector<LivePtr> of(const Owner& owner) const {
    std::vector<LivePtr> found;
    for (const auto& [id, live] : live_)
      if (live->owner() == owner) found.push_back(live);
    return found;
  }
  // Whose the attempt of this id is. No value: none has it.
  [[nodiscard]] std::optional<Owner> owner_of(const AttemptId& id) const {
    const auto found = live_.find(id);
    return found == live_.end() ? std::nullopt : std::optional(found->second->owner());
  }
  // The highest number of the job's attempts, of all owners; 0: there is none.
  [[nodiscard]] int latest_number(const Uuid& job_id) const {
    const auto after = live_.upper_bound(AttemptId{job_id, 0x7fffffff});
    if (after == live_.begin()) return 0;
    const AttemptId& last = std::prev(after)->first;
    return last.job_id == job_id ? last.number : 0;
  }
  // All of this host, by id: for what does not depend on the owner.
  [[nodiscard]] const std::map<AttemptId, LivePtr>& all() const { return live_; }

 private:
  std::map<AttemptId, LivePtr> live_;
};

}  // namespace takt::worker
