// SPDX-License-Identifier: Apache-2.0
// A job and its attempts as records. What an event does to them is apply(), a pure function; what
// we then do about it is somebody else's, and idempotent.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/uuid.h"
#include "job/spec.h"
#include "job/state.h"

namespace takt {

// One run of a job, by name.
struct AttemptId {
  Uuid job_id;
  int number = 1;
  [[nodiscard]] std::string str() const { return job_id.str() + "." + std::to_string(number); }
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

// What is left of an attempt that is ENDING.
struct RemainingProcess {
  int pid = 0;
  std::string name;
  char state = '?';          // the kernel's letter
  std::string wait_channel;  // empty: does not wait, or not known
  microseconds waited{0};    // since the attempt is ENDING
  friend bool operator==(const RemainingProcess&, const RemainingProcess&) = default;
};

struct Attempt {
  AttemptId id;
  JobState state = JobState::kStarting;
  Uuid worker_id;
  std::string worker_name;
  std::string boot_id;  // of the worker's host when it was sent there
  std::string unit;
  std::string cgroup;
  int leader_pid = 0;
  std::string user;
  Launcher launcher = Launcher::kDefault;
  std::optional<WallTime> start_time;
  std::optional<WallTime> end_time;
  std::optional<JobEnd> end;
  Usage usage;
  std::vector<RemainingProcess> remaining;  // for display; not stored
};

struct StopRequest {
  std::string by;
  std::string reason;
  std::optional<microseconds> grace;  // absent: the job's own
  bool requeue = false;               // the job is queued again, once its attempt has been stopped
};

// Keeps a queued job from starting.
struct Hold {
  std::string by;
  bool by_operator = false;  // then only operators release it
  friend bool operator==(const Hold&, const Hold&) = default;
};

// How the parts of a job stand.
struct PartCounts {
  int total = 0;
  int queued = 0;
  int active = 0;  // on workers
  int succeeded = 0;
  int failed = 0;
  int stopped = 0;
  // Those in this state.
  [[nodiscard]] int& of(JobState state);
  friend bool operator==(const PartCounts&, const PartCounts&) = default;
};

// What makes a job a part of another.
struct Part {
  Uuid whole;
  std::int64_t whole_number = 0;  // the whole's age
  int index = 0;
  std::string worker;  // the only one that it is for; empty: any
  friend bool operator==(const Part&, const Part&) = default;
};

// What a part runs: its whole's spec, and in the environment which part it is.
JobSpec spec_of_part(JobSpec whole, const Part& part);

struct Job {
  Uuid id;
  std::int64_t revision = 0;
  std::shared_ptr<const JobSpec> spec;  // null where it is not at hand, but in the store
  JobState state = JobState::kQueued;
  WallTime submit_time;
  std::string submitted_by;  // "user alice", for people
  std::string submit_user;   // the local user's name, empty over TCP
  Uuid retry_of;             // the job that this is another try of; nil: none
  int priority = 0;
  std::optional<Hold> hold;
  std::optional<WallTime> not_before;        // of the spec, or of a retry
  int tries = 0;                             // attempts that have ended; refused ones are none
  int give_backs = 0;                        // starts that hosts failed; not stored
  int parts = 0;                             // how many it has; 0: it is one job
  std::shared_ptr<const Part> part;          // null: it is no part
  std::shared_ptr<const RetryPolicy> retry;  // null: never tried again
  std::optional<StopRequest> stop_requested;
  std::vector<Attempt> attempts;  // oldest first
  std::optional<JobEnd> end;
  std::optional<WallTime> end_time;

  [[nodiscard]] Attempt* current_attempt() { return attempts.empty() ? nullptr : &attempts.back(); }
  [[nodiscard]] const Attempt* current_attempt() const {
    return attempts.empty() ? nullptr : &attempts.back();
  }
};

// A worker was chosen; a new attempt begins.
struct Placed {
  Uuid worker_id;
  std::string worker_name;
  std::string boot_id;
};
// The worker did not take the start, or its host failed at it; nothing ran.
struct StartRefused {
  int attempt = 1;
  std::string why;          // for people
  std::string failed_step;  // where the host failed; empty: it did not
};
// What the worker says of an attempt; with an end once it has one. May come twice.
struct Reported {
  Attempt attempt;
};
// Somebody asked to stop the job.
struct StopRequested {
  StopRequest request;
};
// Somebody keeps a queued job from starting, or lets it start again.
struct Held {
  Hold hold;
};
struct Released {};
// A queued job waits with another priority.
struct Prioritized {
  int priority = 0;
};
// A worker has an attempt of a queued job that is newer than all on record: a backup was put back
// that is older than the attempt. Or an operator takes one into the record, with its job.
struct Adopted {
  Attempt attempt;  // with the worker's id, name and boot
};
// The first of a job's parts is on a worker.
struct PartPlaced {};
// The scheduler itself ends the attempt, and the job if it is not tried again: its worker is lost;
// or a job that never left the queue.
struct Ended {
  JobEnd end;
  std::optional<WallTime> lost_until;  // the attempt may still run until then
};

using JobEvent = std::variant<Placed, StartRefused, Reported, StopRequested, Held, Released,
                              Prioritized, Adopted, PartPlaced, Ended>;

// Changes the record as the event says, and returns whether anything changed. An event that comes
// twice, late or for an older attempt changes nothing; an ended job never changes its end.
bool apply(Job& job, const JobEvent& event, WallTime now);

}  // namespace takt
