// SPDX-License-Identifier: Apache-2.0
#include "store/queries.h"

#include <utility>

#include "base/limits.h"
#include "store/rows.h"

namespace takt::store {

Result<EventPage> query_events(Connection& connection, std::int64_t after, std::int64_t up_to,
                               std::size_t limit) {
  static const std::string sql = std::string("SELECT ") + kEventColumns +
                                 " FROM events WHERE revision > ? AND revision <= ? "
                                 "ORDER BY revision LIMIT ?";
  EventPage page;
  page.oldest = connection.number_of("SELECT ifnull(min(revision), 0) FROM events");
  Query query(connection.prepare(sql.c_str()));
  query.number(after).number(up_to).number(static_cast<std::int64_t>(limit));
  while (query.next()) {
    auto change = read_change(query);
    if (!change) return change.error();
    page.changes.push_back(std::move(*change));
  }
  return page;
}

Result<std::vector<JobSpec>> query_specs(Connection& connection,
                                         const std::vector<std::int64_t>& numbers) {
  std::vector<JobSpec> specs;
  for (const std::int64_t number : numbers) {
    auto spec = read_spec(connection, number, true);
    if (!spec) return spec.error();
    specs.push_back(std::move(spec->spec));
  }
  return specs;
}

Result<std::optional<StoredRequest>> query_request(Connection& connection,
                                                   const std::string& submitter,
                                                   const std::string& request_id) {
  Query request(connection.prepare(
      "SELECT first_number, count FROM requests WHERE submitter = ? AND request_id = ?"));
  if (!request.text(submitter).text(request_id).next()) return std::optional<StoredRequest>();
  StoredRequest stored;
  stored.revision = request.get_number();
  const std::int64_t count = request.get_number();
  // A job may leave the history before the request does; the event of its submission is there.
  Query jobs(connection.prepare(
      "SELECT e.job_id, j.number FROM events AS e LEFT JOIN jobs AS j ON j.number = e.revision "
      "WHERE e.revision >= ? AND e.revision < ? AND e.is_part = 0 ORDER BY e.revision"));
  jobs.number(stored.revision).number(stored.revision + count);
  while (jobs.next()) {
    auto id = Uuid::parse(jobs.get_text(), "events.job_id");
    if (!id) return id.error();
    stored.job_ids.push_back(*id);
    stored.specs.emplace_back();
    const auto number = jobs.get_optional_number();
    if (!number) continue;
    auto spec = read_spec(connection, *number, true);
    if (!spec) return spec.error();
    if (!spec->input_removed) stored.specs.back() = std::move(spec->spec);
  }
  return std::optional<StoredRequest>(std::move(stored));
}

Result<WorkerPage> query_workers(Connection& connection, const std::string& after_name,
                                 const std::string& after_id, std::size_t limit) {
  static const std::string sql = std::string("SELECT ") + kWorkerColumns +
                                 ", (SELECT count(*) FROM attempts AS a WHERE a.worker_id = "
                                 "workers.id AND a.state < 5) FROM workers "
                                 "WHERE (name, id) > (?, ?) ORDER BY name, id LIMIT ?";
  WorkerPage page;
  Query query(connection.prepare(sql.c_str()));
  query.text(after_name).text(after_id).number(static_cast<std::int64_t>(limit) + 1);
  while (query.next()) {
    if (page.workers.size() == limit) {
      page.more = true;
      break;
    }
    auto worker = read_worker(query);
    if (!worker) return worker.error();
    page.workers.push_back({std::move(*worker), query.get_int()});
  }
  return page;
}

}  // namespace takt::store
