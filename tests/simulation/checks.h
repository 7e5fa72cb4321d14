// SPDX-License-Identifier: Apache-2.0
// What takt promises, held against what truly happens: on hosts (Watcher), on the scheduler's disk
// (each committed batch), and in what clients are told. The first promise that is broken ends the
// run, by name. Of a worker that lies only what it says of its own attempts may be untrue.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "job/job.h"
#include "job/worker.h"
#include "rpc/caller.h"
#include "scheduler/core.h"
#include "simulation/scheduler.h"
#include "simulation/watcher.h"
#include "store/types.h"

namespace takt::sim {

// Why operators drain workers: what is stopped then is to be queued again.
inline constexpr const char* kQueueAgain = "come again";

class Checks final : public Watcher {
 public:
  // What this worker has to give; it never changes.
  void add_worker(const Uuid& id, const std::string& name, const Capacity& capacity, bool lies);

  void on_start_arrived(const AttemptId& attempt, const Uuid& worker) override;
  void on_run(const AttemptId& attempt, const Uuid& worker) override;
  void on_gone(const AttemptId& attempt, std::optional<int> exit_code) override;
  void on_acknowledged(const AttemptId& attempt) override;
  void on_rebooted(const Uuid& worker, const std::string& last_boot) override;
  [[nodiscard]] bool known_to_run(const AttemptId& attempt) const override;
  [[nodiscard]] std::vector<AttemptId> attempts_elsewhere(const Uuid& worker) const override;

  // A client was told that its request made this job.
  void on_submitted(const std::string& request, const Uuid& job);
  // … and it was this account's.
  void on_taken_from(const rpc::Caller& caller, const Uuid& job) const;
  // A client asks for the job to be stopped, or was told that it will be.
  void on_stop_asked(const Uuid& job) { stops_asked_.insert(job); }
  void on_stop_told(const Uuid& job);
  // What only a job's own account and operators may have done to it. One of them asks for it.
  enum class Change { kHold, kRelease, kFreeze, kPriority };
  void on_change_asked(const Uuid& job, Change change) { changes_asked_.emplace(job, change); }
  // An operator asks to have the worker forgotten; it may come true from now on.
  void on_forget_asked(const Uuid& worker) { forgotten_.insert(worker); }

  void on_committed(const store::Batch& batch);
  // The scheduler is up again.
  void on_loaded(scheduler::Core& core);
  // What it counts in memory.
  void look_at(scheduler::Core& core);
  // That what hostile actors make it hold is within its bounds.
  void look_at_footprint(const Scheduler& scheduler) const;
  // What it still holds of that, in words; nothing at rest.
  [[nodiscard]] std::string left_over(const Scheduler& scheduler) const;

  // That the store, read anew, says of every job what was committed last.
  void compare_with(const std::string& store_file);

  [[nodiscard]] std::size_t runs() const { return runs_; }
  // Jobs that have not ended, one in words; nothing if all have.
  [[nodiscard]] std::string unsettled() const;
  [[nodiscard]] std::vector<Uuid> live_jobs() const;
  // Whether it may never end unless somebody stops it, and nobody was told of a stop yet.
  [[nodiscard]] bool may_last_for_ever(const Uuid& job) const;

 private:
  struct Try {
    Uuid worker;
    std::string boot;
    JobState state = JobState::kStarting;  // on the scheduler's disk, as the end
    std::optional<JobEnd> end;
    bool ran = false;  // in truth, as what follows
    bool alive = false;
    std::optional<int> exit_code;
  };
  struct Known {
    Job job;  // as it was committed last, with spec; of attempts, see tries
    std::map<int, Try> tries;
    std::vector<Uuid> parts;
    int requeues = 0;
    bool stop_told = false;
  };
  struct Host {
    std::string name;
    Capacity capacity;
    Labels labels;
    bool drained = false;
    bool lies = false;
    std::set<std::string> past_boots;
    std::set<AttemptId> open;  // that the scheduler has there
  };

  void check(bool holds, const Job& job, const std::string& promise) const;
  Known* find(const Uuid& job);
  [[nodiscard]] const Host& host_of(const Try& tried) const { return hosts_.at(tried.worker); }

  // checks_hostile.cc
  struct Holding {
    std::size_t count = 0;
    std::size_t most = 0;
    const char* what = "";
  };
  [[nodiscard]] std::vector<Holding> holdings(const Scheduler& scheduler) const;
  void check_owner(const Known& before, const Job& job) const;
  void check_asked(const Known& before, const Job& job, Change change,
                   const std::string& what) const;
  void check_by(const Job& job, const std::string& by, const std::string& what) const;
  void check_new(const Job& job) const;
  void check_word(const Known& known, const Try& tried, const Attempt& attempt) const;
  void check_times(const store::JobWrite& write) const;
  void check_worker(const WorkerRecord& worker) const;

  // checks_commits.cc
  void on_write(const store::JobWrite& write, const store::Batch& batch);
  void take_new(const store::JobWrite& write);
  void on_attempt(Known& known, const store::JobWrite& write, const Attempt& attempt,
                  const store::Batch& batch);
  void on_placed(Known& known, const store::JobWrite& write, const Attempt& attempt,
                 const store::Batch& batch);
  void take_claim(Known& known, const Attempt& attempt);
  void note_placed(Known& known, const Attempt& attempt);
  void on_attempt_ended(Known& known, Try& tried, const JobEnd& end, const store::Batch& batch);
  void check_dependencies(const Known& known);
  void check_stopped(const Job& job) const;
  void check_whole(const Known& whole);
  void check_load(const Uuid& worker);

  std::unordered_map<Uuid, Known> jobs_;
  std::unordered_map<Uuid, Host> hosts_;
  std::set<Uuid> forgotten_;
  std::set<Uuid> stops_asked_;
  std::set<std::pair<Uuid, Change>> changes_asked_;
  std::map<std::string, Uuid> requests_;
  std::int64_t revision_ = 0;
  std::size_t runs_ = 0;
  std::set<Uuid> touched_wholes_;  // since look_at()
};

}  // namespace takt::sim
