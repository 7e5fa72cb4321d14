// SPDX-License-Identifier: Apache-2.0
// The questions; reader_thread.cc is about when they are asked.
#include "store/reader.h"

#include <utility>

#include "store/connection.h"
#include "store/queries.h"

namespace takt::store {

// Runs `run(connection)` in one read transaction and hands the outcome on.
template <class T, class Run>
void Reader::ask(const Asker& asker, Run run, Done<T> done) {
  auto task = [run = std::move(run), done](Connection* connection) {
    if (connection == nullptr)
      return done(make_error(ErrorCode::kCancelled, "no client waits for the answer any more"));
    const std::string what = "cannot read " + connection->path();
    done(guarded(what, [&]() -> Result<T> {
      connection->execute("BEGIN");
      Result<T> answer = guarded(what, [&] { return run(*connection); });
      roll_back(*connection);  // nothing was changed; this ends the reading
      return answer;
    }));
  };
  if (auto posted = post(asker, std::move(task)); !posted) done(posted.error());
}

void Reader::get_job(const Asker& asker, std::string key, bool whole_spec, Done<JobView> done) {
  ask<JobView>(
      asker,
      [key = std::move(key), whole_spec](Connection& connection) {
        return query_job(connection, key, whole_spec);
      },
      std::move(done));
}

void Reader::list_jobs(const Asker& asker, JobFilter filter, Done<JobPage> done) {
  ask<JobPage>(
      asker,
      [filter = std::move(filter)](Connection& connection) {
        return query_jobs(connection, filter);
      },
      std::move(done));
}

void Reader::events(const Asker& asker, std::int64_t after, std::int64_t up_to, std::size_t limit,
                    Done<EventPage> done) {
  ask<EventPage>(
      asker,
      [after, up_to, limit](Connection& connection) {
        return query_events(connection, after, up_to, limit);
      },
      std::move(done));
}

void Reader::specs(std::vector<std::int64_t> numbers, Done<std::vector<JobSpec>> done) {
  ask<std::vector<JobSpec>>(
      own_asker(),
      [numbers = std::move(numbers)](Connection& connection) {
        return query_specs(connection, numbers);
      },
      std::move(done));
}

void Reader::outcomes(const Asker& asker, std::vector<Uuid> ids,
                      Done<std::vector<std::optional<JobOutcome>>> done) {
  ask<std::vector<std::optional<JobOutcome>>>(
      asker,
      [ids = std::move(ids)](Connection& connection) { return query_outcomes(connection, ids); },
      std::move(done));
}

void Reader::unsuccessful(const Asker& asker, const Uuid& whole, Done<std::vector<Part>> done) {
  ask<std::vector<Part>>(
      asker, [whole](Connection& connection) { return query_unsuccessful(connection, whole); },
      std::move(done));
}

void Reader::request(const Asker& asker, std::string submitter, std::string request_id,
                     Done<std::optional<StoredRequest>> done) {
  ask<std::optional<StoredRequest>>(
      asker,
      [submitter = std::move(submitter), request_id = std::move(request_id)](
          Connection& connection) { return query_request(connection, submitter, request_id); },
      std::move(done));
}

void Reader::list_workers(const Asker& asker, std::string after_name, std::string after_id,
                          std::size_t limit, Done<WorkerPage> done) {
  ask<WorkerPage>(
      asker,
      [name = std::move(after_name), id = std::move(after_id), limit](Connection& connection) {
        return query_workers(connection, name, id, limit);
      },
      std::move(done));
}

}  // namespace takt::store
