// SPDX-License-Identifier: Apache-2.0
// The questions; reader_thread.cc is about when they are asked.
#include "store/reader.h"

#include <utility>

#include "store/connection.h"
#include "store/queries.h"

namespace takt::store {

// Runs `run(connection)` in one read transaction and hands the outcome on.
template <class T, class Run>
void Reader::ask(bool own, Run run, Done<T> done) {
  auto task = [run = std::move(run), done](Connection& connection) {
    const std::string what = "cannot read " + connection.path();
    done(guarded(what, [&]() -> Result<T> {
      connection.execute("BEGIN");
      Result<T> answer = guarded(what, [&] { return run(connection); });
      roll_back(connection);  // nothing was changed; this ends the reading
      return answer;
    }));
  };
  if (!post(own, std::move(task))) {
    done(make_error(ErrorCode::kResourceExhausted, "too many reads wait; try again"));
  }
}

void Reader::get_job(std::string key, bool whole_spec, Done<JobView> done) {
  ask<JobView>(
      false,
      [key = std::move(key), whole_spec](Connection& connection) {
        return query_job(connection, key, whole_spec);
      },
      std::move(done));
}

void Reader::list_jobs(JobFilter filter, Done<JobPage> done) {
  ask<JobPage>(
      false,
      [filter = std::move(filter)](Connection& connection) {
        return query_jobs(connection, filter);
      },
      std::move(done));
}

void Reader::events(std::int64_t after, std::int64_t up_to, std::size_t limit,
                    Done<EventPage> done) {
  ask<EventPage>(
      false,
      [after, up_to, limit](Connection& connection) {
        return query_events(connection, after, up_to, limit);
      },
      std::move(done));
}

void Reader::specs(std::vector<std::int64_t> numbers, Done<std::vector<JobSpec>> done) {
  ask<std::vector<JobSpec>>(
      true,
      [numbers = std::move(numbers)](Connection& connection) {
        return query_specs(connection, numbers);
      },
      std::move(done));
}

void Reader::outcomes(std::vector<Uuid> ids, Done<std::vector<std::optional<JobOutcome>>> done) {
  ask<std::vector<std::optional<JobOutcome>>>(
      false,
      [ids = std::move(ids)](Connection& connection) { return query_outcomes(connection, ids); },
      std::move(done));
}

void Reader::unsuccessful(const Uuid& whole, Done<std::vector<Part>> done) {
  ask<std::vector<Part>>(
      false, [whole](Connection& connection) { return query_unsuccessful(connection, whole); },
      std::move(done));
}

void Reader::request(std::string submitter, std::string request_id,
                     Done<std::optional<StoredRequest>> done) {
  ask<std::optional<StoredRequest>>(
      false,
      [submitter = std::move(submitter), request_id = std::move(request_id)](
          Connection& connection) { return query_request(connection, submitter, request_id); },
      std::move(done));
}

void Reader::list_workers(std::string after_name, std::string after_id, std::size_t limit,
                          Done<WorkerPage> done) {
  ask<WorkerPage>(
      false,
      [name = std::move(after_name), id = std::move(after_id), limit](Connection& connection) {
        return query_workers(connection, name, id, limit);
      },
      std::move(done));
}

}  // namespace takt::store
