// SPDX-License-Identifier: Apache-2.0
#include "store/rows.h"

#include <algorithm>
#include <utility>

#include "store/records.h"

namespace takt::store {

Result<std::optional<JobEnd>> read_end(Query& row) {
  const auto record = row.get_optional_text();
  if (!record) return std::optional<JobEnd>();
  auto end = decode_end(*record);
  if (!end) return end.error().in("the end of a job in the store");
  return std::optional<JobEnd>(std::move(*end));
}

namespace {

Result<Attempt> read_attempt(Query& row, const Uuid& job_id) {
  Attempt attempt;
  attempt.id = {job_id, row.get_int()};
  attempt.state = row.get_value(JobState::kStopped);
  auto worker = Uuid::parse(row.get_text(), "attempts.worker_id");
  if (!worker) return worker.error();
  attempt.worker_id = *worker;
  attempt.worker_name = row.get_text();
  attempt.boot_id = row.get_text();
  attempt.unit = row.get_text();
  attempt.cgroup = row.get_text();
  attempt.leader_pid = row.get_int();
  attempt.user = row.get_text();
  attempt.launcher = row.get_value(Launcher::kCgroup);
  attempt.start_time = row.get_optional_time();
  attempt.end_time = row.get_optional_time();
  auto end = read_end(row);
  if (!end) return end.error();
  attempt.end = std::move(*end);
  auto usage = decode_usage(row.get_text());
  if (!usage) return usage.error();
  attempt.usage = *usage;
  return attempt;
}

constexpr const char* kReadSpec =
    "SELECT spec_record, length(script) + ifnull(length(stdin), 0), length(script) FROM specs "
    "WHERE number = (SELECT ifnull(whole, number) FROM jobs WHERE number = ?)";
constexpr const char* kReadWholeSpec =
    "SELECT spec_record, length(script) + ifnull(length(stdin), 0), length(script), script, stdin "
    "FROM specs "
    "WHERE number = (SELECT ifnull(whole, number) FROM jobs WHERE number = ?)";
constexpr const char* kReadAttempts =
    "SELECT number, state, worker_id, worker_name, boot_id, unit, cgroup, leader_pid, user, "
    "launcher, start_time_us, end_time_us, end_record, usage_record FROM attempts WHERE job = ? "
    "ORDER BY number DESC LIMIT ?";

Result<void> read_part(Query& row, Job& job) {
  job.parts = row.get_int();
  const auto whole_number = row.get_optional_number();
  Part part;
  part.index = static_cast<int>(row.get_optional_number().value_or(0));
  part.worker = row.get_optional_text().value_or("");
  const auto whole = row.get_optional_text();
  if (!whole_number) return {};
  if (!whole) return make_error(ErrorCode::kDataLoss, "the store holds a part without its whole");
  auto id = Uuid::parse(*whole, "jobs.id");
  if (!id) return id.error();
  part.whole = *id;
  part.whole_number = *whole_number;
  job.part = std::make_shared<const Part>(std::move(part));
  return {};
}

}  // namespace

Result<Job> read_job(Query& row, std::int64_t& number) {
  Job job;
  number = row.get_number();
  auto id = Uuid::parse(row.get_text(), "jobs.id");
  if (!id) return id.error();
  job.id = *id;
  job.revision = row.get_number();
  job.state = row.get_value(JobState::kStopped);
  job.submit_time = row.get_time();
  job.submitted_by = row.get_text();
  job.submit_user = row.get_text();
  const auto stop_by = row.get_optional_text();
  const auto stop_reason = row.get_optional_text();
  const auto stop_grace = row.get_optional_number();
  const bool stop_requeue = row.get_number() != 0;
  if (stop_by) {
    job.stop_requested = StopRequest{*stop_by, stop_reason.value_or(""), {}, stop_requeue};
    if (stop_grace) job.stop_requested->grace = microseconds(*stop_grace);
  }
  auto end = read_end(row);
  if (!end) return end.error();
  job.end = std::move(*end);
  job.end_time = row.get_optional_time();
  job.priority = row.get_int();
  const auto held_by = row.get_optional_text();
  const bool held_by_operator = row.get_number() != 0;
  if (held_by) job.hold = Hold{*held_by, held_by_operator};
  job.not_before = row.get_optional_time();
  job.tries = row.get_int();
  if (const auto text = row.get_optional_text()) {
    auto retry_of = Uuid::parse(*text, "jobs.retry_of");
    if (!retry_of) return retry_of.error();
    job.retry_of = *retry_of;
  }
  if (auto read = read_part(row, job); !read) return read.error();
  return job;
}

Result<StoredSpec> read_spec(Connection& connection, std::int64_t number, bool whole) {
  Query query(connection.prepare(whole ? kReadWholeSpec : kReadSpec));
  if (!query.number(number).next()) {
    return make_error(ErrorCode::kDataLoss, "the store holds a job without its spec");
  }
  auto spec = decode_spec(query.get_text());
  if (!spec) return spec.error().in("a spec in the store");
  StoredSpec stored{std::move(*spec), static_cast<std::size_t>(query.get_number()), false};
  stored.input_removed = query.get_number() == static_cast<std::int64_t>(kRemovedScript.size());
  if (whole && !stored.input_removed) {
    stored.spec.script = query.get_text();
    stored.spec.stdin_data = query.get_optional_text();
  }
  return stored;
}

PartCounts read_part_counts(Connection& connection, std::int64_t number) {
  PartCounts counts;
  Query query(
      connection.prepare("SELECT state, count(*) FROM jobs WHERE whole = ? GROUP BY state"));
  query.number(number);
  while (query.next()) {
    const JobState state = query.get_value(JobState::kStopped);
    const int count = query.get_int();
    counts.of(state) += count;
    counts.total += count;
  }
  return counts;
}

Result<std::vector<Attempt>> read_attempts(Connection& connection, std::int64_t number,
                                           const Uuid& job_id, bool last_only) {
  std::vector<Attempt> attempts;
  Query query(connection.prepare(kReadAttempts));
  query.number(number).number(last_only ? 1 : -1);
  while (query.next()) {
    auto attempt = read_attempt(query, job_id);
    if (!attempt) return attempt.error().in("an attempt in the store");
    attempts.push_back(std::move(*attempt));
  }
  std::reverse(attempts.begin(), attempts.end());
  return attempts;
}

Result<JobView> complete_view(Connection& connection, Job job, std::int64_t number,
                              bool whole_spec) {
  JobView view;
  view.job = std::move(job);
  view.number = number;
  if (view.job.parts > 0) view.parts = read_part_counts(connection, number);
  auto spec = read_spec(connection, number, whole_spec);
  if (!spec) return spec.error();
  view.job.spec = std::make_shared<const JobSpec>(std::move(spec->spec));
  view.input_removed = spec->input_removed;
  auto attempts = read_attempts(connection, number, view.job.id, false);
  if (!attempts) return attempts.error();
  view.job.attempts = std::move(*attempts);
  const Attempt* attempt = view.job.current_attempt();
  if (attempt == nullptr || has_ended(attempt->state)) return view;
  Query query(
      connection.prepare("SELECT state_time_us FROM workers WHERE id = ? AND state IN (?, ?, ?)"));
  query.id(attempt->worker_id).value(WorkerState::kUnreachable).value(WorkerState::kLost);
  query.value(WorkerState::kAway);
  if (query.next()) view.unreachable_since = query.get_time();
  return view;
}

Result<WorkerRecord> read_worker(Query& row) {
  WorkerRecord worker;
  auto id = Uuid::parse(row.get_text(), "workers.id");
  if (!id) return id.error();
  worker.id = *id;
  worker.name = row.get_text();
  worker.address = row.get_text();
  worker.state = row.get_value(WorkerState::kDraining);
  worker.state_time = row.get_time();
  worker.register_time = row.get_time();
  worker.boot_id = row.get_text();
  worker.version = row.get_text();
  auto labels = decode_labels(row.get_text());
  if (!labels) return labels.error().in("a worker's labels in the store");
  worker.labels = std::move(*labels);
  auto capacity = decode_capacity(row.get_text());
  if (!capacity) return capacity.error().in("a worker's capacity in the store");
  worker.capacity = std::move(*capacity);
  const auto drained_by = row.get_optional_text();
  Drain drain{drained_by.value_or(""), row.get_optional_text().value_or(""), {}, {}, false};
  drain.start_time = row.get_optional_time().value_or(WallTime());
  drain.deadline = row.get_optional_time();
  drain.requeue = row.get_number() != 0;
  if (drained_by) worker.drain = std::move(drain);
  return worker;
}

Result<JobChange> read_change(Query& row) {
  JobChange change;
  change.revision = row.get_number();
  auto job = Uuid::parse(row.get_text(), "events.job_id");
  if (!job) return job.error();
  change.job_id = *job;
  change.submit_user = row.get_optional_text().value_or("");
  change.state = row.get_value(JobState::kStopped);
  change.time = row.get_time();
  change.attempt = row.get_int();
  auto worker = Uuid::parse(row.get_text(), "events.worker_id");
  if (!worker) return worker.error();
  change.worker_id = *worker;
  auto end = read_end(row);
  if (!end) return end.error();
  change.end = std::move(*end);
  return change;
}

}  // namespace takt::store
