// SPDX-License-Identifier: Apache-2.0
// The workers: who they are, how they are reached, which jobs they hold.
//
//   (registers) -> READY <-> UNREACHABLE -> LOST -> READY
//   any of them -> AWAY (deregisters) -> registers
//
// LOST is for people; a job is given up only when its own lease is over, in any state but READY.
//
// A drain stands beside the state: a worker that drains is reached, or not, as any other.
// Guarantees: a worker that is AWAY is never dialled; being out of reach changes no job; a
// session's list settles every doubt (settlement.cc): live attempts that the worker does not hold
// are sent again in the same boot and lost in another. Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "job/worker.h"
#include "rpc/credentials.h"
#include "scheduler/dispatcher.h"
#include "scheduler/job_table.h"
#include "scheduler/ledger.h"
#include "scheduler/mailbox.h"
#include "scheduler/session.h"
#include "sd/event_loop.h"
#include "store/reader.h"

namespace takt::scheduler {

// An orphan that operators take into the record, while its worker is asked what it runs.
struct Adoption {
  using Done = std::function<void(const Result<void>&)>;
  std::string by;  // the first who asked
  std::vector<Done> waiting;
  sd::Source patience;
};

struct WorkerEntry {
  WorkerRecord record;
  std::shared_ptr<Session> session;  // none while AWAY
  std::unordered_set<Uuid> jobs;     // with a live attempt here
  std::unordered_set<Uuid> listed;   // jobs whose current attempt the list had
  std::map<Uuid, int> started;  // jobs, and their attempts whose start went out in this session
  std::map<AttemptId, Attempt> strays;      // of jobs that are not live here, and to be looked up
  std::map<Uuid, Attempt> orphans;          // by job: the latest that is not on record here
  std::map<AttemptId, Adoption> adoptions;  // of the orphans
  std::string why_down = "not yet dialled";
  bool looks_up = false;                  // some of the strays, now
  sd::Source look_up_again;               // when the store could not be read
  sd::Source silence;                     // when it becomes UNREACHABLE
  sd::Source drain_end;                   // when its jobs are stopped
  sd::Source loss;                        // when it is LOST, or a lease of its jobs is over
  BootTime last_beat = BootClock::now();  // that it may have heard, of sessions that are gone
};

// Whether commands go out to it now.
[[nodiscard]] bool in_reach(const WorkerEntry& entry);

class Fleet {
 public:
  using Done = std::function<void(const Result<void>&)>;
  struct Options {
    Uuid store_id;
    std::int64_t epoch = 0;
    microseconds unreachable_after{};
    microseconds lost_after{};
    Session::Begin begin_session;  // none: over channels
  };
  // What the fleet needs of the rest.
  struct Parts {
    sd::EventLoop& loop;
    const rpc::Credentials& credentials;
    std::shared_ptr<Mailbox> mailbox;
    store::Reader& reader;
    Ledger& ledger;
    JobTable& jobs;
    Dispatcher& dispatcher;
    // Has the spec read and calls send_start() with it.
    std::function<void(const AttemptId&)> start;
    // A worker said how a job stands.
    std::function<void(const LiveJob&)> on_report;
  };

  Fleet(Parts parts, const Options& options);

  // A worker says where it is; `done` after the commit.
  void register_worker(const WorkerRecord& news, Done done);
  // A worker goes down in order; kNotFound if it is not known.
  void deregister_worker(const Uuid& id, Done done);

  // Which worker a UUID or a name means. kNotFound, or kFailedPrecondition if several have it.
  [[nodiscard]] Result<Uuid> resolve(const std::string& key) const;
  // It takes no new jobs from now on; or takes them again. kFailedPrecondition: it has drained
  // itself, and its host still fails.
  void drain(const Uuid& id, const Drain& drain);
  Result<void> undrain(const Uuid& id, const std::string& by);
  // Gives it up: its jobs end as WORKER_LOST. kFailedPrecondition if it is in reach.
  Result<void> forget(const Uuid& id, const std::string& by);

  // Takes over what the store knows, before the jobs; dials all that are not AWAY.
  void restore(std::vector<WorkerRecord> workers);
  // Hangs up on all and forgets them; nothing is recorded.
  void clear();

  void on_occupied(const Uuid& worker, const LiveJob& live);
  void on_vacated(const Uuid& worker, const LiveJob& live);

  // Sends the start of a job's current attempt, once in a session, if its worker can be reached;
  // else its next list settles it.
  void send_start(const LiveJob& live, const JobSpec& spec);
  void send_stop(const LiveJob& live, const StopRequest& request);
  // False if the worker cannot be reached now: nothing is sent then, or later.
  bool send_freeze(const LiveJob& live, bool frozen);

  // The names, in order, of the workers that match the constraints and take jobs, or will when they
  // are heard of again; each name once.
  [[nodiscard]] std::vector<std::string> names_for(const JobSpec& spec) const;
  [[nodiscard]] const WorkerEntry* find(const Uuid& id) const;
  // By job, those after it; at most `most`.
  [[nodiscard]] std::vector<Attempt> orphans_after(const Uuid& job, std::size_t most) const;
  // kNotFound if no worker has one of this job; kUnavailable if it is out of reach.
  Result<void> stop_orphan(const Uuid& job, const StopRequest& request);
  // `done` after the commit; also of a job that is there without that. kNotFound, kUnavailable: as
  // above; kFailedPrecondition if another attempt of the job is on record, or if the worker does
  // not say what it runs.
  void adopt_orphan(const Uuid& job, const std::string& by, Done done);
  [[nodiscard]] std::size_t size() const { return workers_.size(); }
  [[nodiscard]] std::size_t count(WorkerState state) const;

 private:
  void open_session(WorkerEntry& entry);
  void set_state(WorkerEntry& entry, WorkerState state, const std::string& why);
  void expect_silence(WorkerEntry& entry);
  void refresh_offer(const WorkerEntry& entry);
  Session::Events events_of(const Uuid& id);

  // drains.cc
  void end_drain(WorkerEntry& entry, const std::string& by);
  void follow_fault(WorkerEntry& entry);
  void send_drain(const Uuid& id);
  void await_deadline(WorkerEntry& entry);
  void on_drain_timer(WorkerEntry& entry);

  // losses.cc
  void watch_losses(WorkerEntry& entry);
  void on_loss_timer(WorkerEntry& entry);
  [[nodiscard]] BootTime last_contact(const WorkerEntry& entry) const;
  [[nodiscard]] std::optional<BootTime> lease_over(const WorkerEntry& entry, const Uuid& job) const;
  void lose(LiveJob& live, JobEnd end, BootTime until);

  // settlement.cc
  Result<void> on_hello(WorkerEntry& entry, const v1::WorkerHello& hello);
  void on_settled(WorkerEntry& entry);
  void settle(WorkerEntry& entry, const Uuid& job);
  void on_down(WorkerEntry& entry, const std::string& why);
  void on_capacity(WorkerEntry& entry, const v1::Capacity& capacity);

  // reports.cc
  void on_report(WorkerEntry& entry, const v1::AttemptReport& report);
  void on_stray(WorkerEntry& entry, const Attempt& attempt);
  bool adopt(WorkerEntry& entry, LiveJob& live, Attempt attempt);
  void on_refused(WorkerEntry& entry, const v1::StartRefused& refused);
  void acknowledge(const Uuid& worker, const AttemptId& attempt);
  void stop_attempt(WorkerEntry& entry, const AttemptId& attempt, const StopRequest& request);

  // orphans.cc
  void look_up(WorkerEntry& entry, const Attempt& attempt);
  void look_up_strays(WorkerEntry& entry);
  void on_outcomes(WorkerEntry& entry, const std::vector<AttemptId>& attempts,
                   const Result<std::vector<std::optional<store::JobOutcome>>>& outcomes);
  void note_orphan(WorkerEntry& entry, const Attempt& attempt);
  static void forget_orphan(WorkerEntry& entry, const AttemptId& id);
  [[nodiscard]] Error no_orphan(const Uuid& job) const;

  // adoptions.cc
  void on_description(WorkerEntry& entry, const v1::AttemptDescription& description);
  void on_known_outcome(WorkerEntry& entry, const AttemptId& id,
                        const v1::AttemptDescription& description,
                        const Result<std::vector<std::optional<store::JobOutcome>>>& outcomes);
  Result<void> take_in(WorkerEntry& entry, const AttemptId& id,
                       const v1::AttemptDescription& description);
  void end_adoption(WorkerEntry& entry, const AttemptId& id, const Result<void>& result);
  void fail_adoptions(WorkerEntry& entry, const std::string& why);

  // live_usage.cc
  void on_usages(WorkerEntry& entry, const v1::AttemptUsages& usages);

  const Parts parts_;
  const Options options_;
  std::unordered_map<Uuid, WorkerEntry> workers_;
};

}  // namespace takt::scheduler
