// SPDX-License-Identifier: Apache-2.0
// What goes into the store and comes out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "job/job.h"
#include "job/worker.h"

namespace takt::store {

// What is kept of jobs that have ended.
struct HistoryLimits {
  microseconds age_max = limits::kHistoryAge;     // after the end
  std::int64_t jobs_max = limits::kHistoryJobs;   // beyond it the oldest go
  microseconds age_min = limits::kHistoryAgeMin;  // what is younger stays in any case
  std::int64_t store_max_bytes = 0;               // of all in the store; 0: no bound
};

// Eighths of the bound of the store: from the first on ended jobs make room; from the second on
// submissions of users are refused, from the third on all. The rest is for what is never refused:
// starts, ends, stops, workers.
inline constexpr int kRoomEighths = 5;
inline constexpr int kUsersEighths = 6;
inline constexpr int kOperatorsEighths = 7;
constexpr std::int64_t eighths_of(std::int64_t store_max_bytes, int eighths) {
  return store_max_bytes / 8 * eighths;
}

// One change of one job, which is one revision.
struct JobWrite {
  std::int64_t number = 0;  // the job's age: the revision of its submission
  Job job;                  // as it is from now on; only attempts that may have changed
  WallTime time;            // of the change
  bool is_new = false;      // then job.spec is there; a part's is its whole's
};

// A worker as it is from now on, or not any more.
struct WorkerWrite {
  WorkerRecord worker;
  bool forgotten = false;
};

// A SubmitJob or SubmitJobs that must not run twice.
struct RequestWrite {
  std::string submitter;  // whose request ids these are
  std::string request_id;
  std::int64_t first_number = 0;
  std::int64_t count = 0;  // the numbers of the jobs and their parts follow one another
};

// What is committed together.
struct Batch {
  std::vector<JobWrite> jobs;  // by revision
  std::vector<WorkerWrite> workers;
  std::vector<RequestWrite> requests;
  [[nodiscard]] bool empty() const { return jobs.empty() && workers.empty() && requests.empty(); }
};

// A change as WatchJobs shows it.
struct JobChange {
  std::int64_t revision = 0;
  Uuid job_id;
  std::string submit_user;  // of the job; empty over TCP, and once it has left the history
  JobState state = JobState::kQueued;
  WallTime time;
  int attempt = 0;  // 0: none yet
  Uuid worker_id;   // nil: none yet
  std::optional<JobEnd> end;
  friend bool operator==(const JobChange&, const JobChange&) = default;
};

JobChange change_of(const JobWrite& write);

// A job that has not ended, as read at start.
struct LiveJob {
  std::int64_t number = 0;
  Job job;                          // spec without script and stdin_data; only the last attempt
  std::optional<PartCounts> parts;  // of one that has any
  std::size_t input_bytes = 0;      // of its script and stdin_data; a part has its whole's
};

struct Snapshot {
  std::int64_t revision = 0;  // the newest
  std::vector<LiveJob> jobs;  // oldest first
  std::vector<WorkerRecord> workers;
};

// A job with what is known of its worker.
struct JobView {
  Job job;
  std::optional<WallTime> unreachable_since;  // of the worker that it is on
  std::optional<PartCounts> parts;            // of one that has any
  std::int64_t number = 0;                    // its age: lists go on before it
  bool is_summary = false;                    // job/summary.h: all that the asker may see
  bool input_removed = false;                 // script and stdin_data, to make room
};

// How a job stands, in short.
struct JobOutcome {
  JobState state = JobState::kQueued;
  std::optional<JobEnd> end;
};

struct JobFilter {
  std::vector<JobState> states;   // empty: all
  std::string name;               // empty: all
  std::string user;               // who submitted; empty: all
  std::string worker;             // with an attempt there, by name; empty: all
  Labels labels;                  // all of them; empty: all
  std::string part_of;            // the parts of this job, by id, prefix or name; empty: whole
                                  // jobs, and parts only where a worker is given
  std::optional<WallTime> since;  // submitted then or later
  std::optional<WallTime> until;  // submitted before
  std::int64_t before = 0;        // only jobs older than this number; 0: from the newest
  std::size_t page_size = 0;
};

struct JobPage {
  std::vector<JobView> jobs;     // newest first, without script and stdin_data
  std::int64_t next_before = 0;  // for the next page; 0: this was the last
};

struct EventPage {
  std::int64_t oldest = 0;  // revision of the oldest event kept; 0: there is none
  std::vector<JobChange> changes;
};

// What a request made when it came the first time.
struct StoredRequest {
  std::vector<Uuid> job_ids;
  std::vector<std::optional<JobSpec>> specs;  // none: the job has left the history
  std::int64_t revision = 0;                  // of the first job's submission
};

struct WorkerView {
  WorkerRecord worker;
  int running = 0;  // attempts that have not ended
};

struct WorkerPage {
  std::vector<WorkerView> workers;  // by name, then id
  bool more = false;
};

}  // namespace takt::store
