// SPDX-License-Identifier: Apache-2.0
// The reads of the API, each one consistent by itself. For the reader's thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/connection.h"
#include "store/types.h"

namespace takt::store {

// A job by its UUID, by a prefix of it that fits one job, or by a name that one job has, with "/"
// and an index behind it for a part. Errors: kInvalid (none of these in form), kNotFound,
// kFailedPrecondition (several; they are listed).
Result<JobView> query_job(Connection& connection, const std::string& key, bool whole_spec);

// The number of the job that a key names, as query_job() takes it.
Result<std::int64_t> resolve_job(Connection& connection, const std::string& key);

// How these jobs stand, in that order; nothing of those that are not there.
Result<std::vector<std::optional<JobOutcome>>> query_outcomes(Connection& connection,
                                                              const std::vector<Uuid>& ids);

// The parts of a job that did not succeed, by index.
Result<std::vector<Part>> query_unsuccessful(Connection& connection, const Uuid& whole);

Result<JobPage> query_jobs(Connection& connection, const JobFilter& filter);

// The text of that query, for tests of its plan.
std::string list_sql(const JobFilter& filter);

// At most `limit` changes after one revision, up to another (included).
Result<EventPage> query_events(Connection& connection, std::int64_t after, std::int64_t up_to,
                               std::size_t limit);

// The whole specs of jobs by number, in that order.
Result<std::vector<JobSpec>> query_specs(Connection& connection,
                                         const std::vector<std::int64_t>& numbers);

Result<std::optional<StoredRequest>> query_request(Connection& connection,
                                                   const std::string& submitter,
                                                   const std::string& request_id);

// Workers by name and id, after the pair given.
Result<WorkerPage> query_workers(Connection& connection, const std::string& after_name,
                                 const std::string& after_id, std::size_t limit);

}  // namespace takt::store
