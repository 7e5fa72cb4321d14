// SPDX-License-Identifier: Apache-2.0
#include "store/snapshot.h"

#include <utility>

#include "store/rows.h"
#include "store/trouble.h"

namespace takt::store {
namespace {

Result<void> load_jobs(Connection& connection, Snapshot& snapshot) {
  // By the index of states: else SQLite would read all that has ended, for the order alone.
  static const std::string sql = std::string("SELECT ") + kJobColumns +
                                 " FROM jobs AS j WHERE j.number IN (SELECT number FROM jobs "
                                 "WHERE state < 5) ORDER BY j.number";
  Query query(connection.prepare(sql.c_str()));
  std::shared_ptr<const JobSpec> last;  // of the last job: its parts follow it
  std::int64_t last_number = 0;
  while (query.next()) {
    LiveJob live;
    auto job = read_job(query, live.number);
    if (!job) return job.error();
    live.job = std::move(*job);
    if (live.job.parts > 0) live.parts = read_part_counts(connection, live.number);
    const std::int64_t owner = live.job.part ? live.job.part->whole_number : live.number;
    if (owner != last_number) {
      auto spec = read_spec(connection, live.number, false);
      if (!spec) return spec.error();
      last = std::make_shared<const JobSpec>(std::move(spec->spec));
      live.input_bytes = live.job.part ? 0 : spec->input_bytes;
      last_number = owner;
    }
    live.job.spec = last;
    auto attempts = read_attempts(connection, live.number, live.job.id, true);
    if (!attempts) return attempts.error();
    live.job.attempts = std::move(*attempts);
    snapshot.jobs.push_back(std::move(live));
  }
  return {};
}

Result<void> load_workers(Connection& connection, Snapshot& snapshot) {
  static const std::string sql = std::string("SELECT ") + kWorkerColumns + " FROM workers";
  Query query(connection.prepare(sql.c_str()));
  while (query.next()) {
    auto worker = read_worker(query);
    if (!worker) return worker.error();
    snapshot.workers.push_back(std::move(*worker));
  }
  return {};
}

Result<Snapshot> load(Connection& connection) {
  static_assert(static_cast<int>(JobState::kSucceeded) == 5, "state < 5 is: has not ended");
  Snapshot snapshot;
  // Whatever was committed after a backup that was put back had smaller numbers: an epoch begins
  // with the time of its begin, and no scheduler commits a thousand changes a millisecond.
  snapshot.revision = connection.number_of(
      "SELECT max(ifnull((SELECT max(revision) FROM events), 0),"
      " (SELECT CAST(value AS INTEGER) * 1000 FROM meta WHERE key = 'epoch'))");
  if (auto jobs = load_jobs(connection, snapshot); !jobs) return jobs.error();
  if (auto workers = load_workers(connection, snapshot); !workers) return workers.error();
  return snapshot;
}

}  // namespace

Result<Snapshot> load_snapshot(Connection& connection) {
  const std::string what = "cannot load " + connection.path();
  return guarded(what, [&]() -> Result<Snapshot> {
    auto snapshot = load(connection);
    // SQLite's own errors are thrown: this is a row that is not what was written.
    if (!snapshot) return damaged(what, snapshot.error().message);
    return snapshot;
  });
}

}  // namespace takt::store
