// SPDX-License-Identifier: Apache-2.0
// Rows of the tables as records of the domain, and the SELECT lists that go with them. Inside
// guarded(), as all that reads.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "store/connection.h"
#include "store/types.h"

namespace takt::store {

// The columns that read_job() takes, of "jobs AS j".
inline constexpr const char* kJobColumns =
    "j.number, j.id, j.revision, j.state, j.submit_time_us, j.submitted_by, j.submit_user, "
    "j.stop_by, j.stop_reason, j.stop_grace_us, j.stop_requeue, j.end_record, j.end_time_us, "
    "j.priority, j.held_by, j.held_by_operator, "
    "j.not_before_us, j.tries, j.retry_of, j.parts, j.whole, j.part_index, j.part_worker, "
    "(SELECT w.id FROM jobs AS w WHERE w.number = j.whole)";

// A job without spec and attempts; `number` gets its age.
Result<Job> read_job(Query& row, std::int64_t& number);

// A column end_record.
Result<std::optional<JobEnd>> read_end(Query& row);

// In place of a script once it and stdin_data were removed. No script is like that, since each
// begins with "#!"; so a program that does not know the mark runs no such job again, either.
inline constexpr std::string_view kRemovedScript("\0", 1);

struct StoredSpec {
  JobSpec spec;                 // with script and stdin_data only if it was read whole
  std::size_t input_bytes = 0;  // of these two
  bool input_removed = false;   // they were there, and made room (store/purge.h)
};

// A part's spec is that of its whole.
Result<StoredSpec> read_spec(Connection& connection, std::int64_t number, bool whole);

// How the parts of this job stand.
PartCounts read_part_counts(Connection& connection, std::int64_t number);

// All attempts of a job, oldest first; only the last one if `last_only`.
Result<std::vector<Attempt>> read_attempts(Connection& connection, std::int64_t number,
                                           const Uuid& job_id, bool last_only);

// The columns that read_worker() takes.
inline constexpr const char* kWorkerColumns =
    "id, name, address, state, state_time_us, register_time_us, boot_id, version, labels_record, "
    "capacity_record, drain_by, drain_reason, drain_start_us, drain_deadline_us, drain_requeue";

Result<WorkerRecord> read_worker(Query& row);

// The view of a job whose row was read: its spec (whole, or without script and stdin_data),
// attempts, parts, and what is known of its worker.
Result<JobView> complete_view(Connection& connection, Job job, std::int64_t number,
                              bool whole_spec);

// The columns that read_change() takes, of "events".
inline constexpr const char* kEventColumns =
    "revision, job_id, (SELECT j.submit_user FROM jobs AS j WHERE j.id = events.job_id), state, "
    "time_us, attempt, worker_id, end_record";

Result<JobChange> read_change(Query& row);

}  // namespace takt::store
