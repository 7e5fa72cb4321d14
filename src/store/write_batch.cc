// SPDX-License-Identifier: Apache-2.0
#include "store/write_batch.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/limits.h"
#include "job/spec.h"
#include "store/records.h"

namespace takt::store {
namespace {

constexpr std::int64_t kTrimStepMin = 256;

void bind_end(Query& query, const std::string& record) {
  if (record.empty()) {
    query.null();
  } else {
    query.blob(record);
  }
}

std::string end_record(const std::optional<JobEnd>& end) { return end ? encode_end(*end) : ""; }

void bind_stop(Query& query, const std::optional<StopRequest>& stop) {
  if (!stop) {
    query.null().null().null().number(0);
    return;
  }
  query.text(stop->by).text(stop->reason);
  if (stop->grace) {
    query.number(stop->grace->count());
  } else {
    query.null();
  }
  query.number(stop->requeue ? 1 : 0);
}

// What may change while a job lives, in the order of both statements.
void bind_changing(Query& query, const Job& job, const std::string& end) {
  query.number(job.revision).value(job.state);
  bind_stop(query, job.stop_requested);
  bind_end(query, end);
  query.time(job.end_time).number(job.priority);
  if (job.hold) {
    query.text(job.hold->by).number(job.hold->by_operator ? 1 : 0);
  } else {
    query.null().number(0);
  }
  query.time(job.not_before).number(job.tries);
}

void insert_job(Connection& connection, const JobWrite& write) {
  const Job& job = write.job;
  const std::string end = end_record(job.end);
  Query query(connection.prepare(
      "INSERT INTO jobs(revision, state, stop_by, stop_reason, stop_grace_us, stop_requeue, "
      "end_record, "
      "end_time_us, priority, held_by, held_by_operator, not_before_us, tries, retry_of, id, "
      "number, name, submit_time_us, submitted_by, submit_user, parts, whole, part_index, "
      "part_worker) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  bind_changing(query, job, end);
  if (job.retry_of.is_nil()) {
    query.null();
  } else {
    query.id(job.retry_of);
  }
  // A part goes by its whole's name.
  const std::string name = job.part ? "" : job.spec->name;
  query.id(job.id).number(write.number).text(name);
  query.time(job.submit_time).text(job.submitted_by).text(job.submit_user).number(job.parts);
  if (job.part) {
    query.number(job.part->whole_number).number(job.part->index).text(job.part->worker).run();
  } else {
    query.null().null().null().run();
  }
}

void insert_spec(Connection& connection, const JobWrite& write) {
  JobSpec slim = *write.job.spec;
  const std::string script = std::exchange(slim.script, {});
  const std::optional<std::string> input = std::exchange(slim.stdin_data, {});
  const std::string record = encode_spec(slim);
  Query query(connection.prepare(
      "INSERT INTO specs(number, spec_record, script, stdin) VALUES(?, ?, ?, ?)"));
  query.number(write.number).blob(record).blob(script);
  if (input) {
    query.blob(*input).run();
  } else {
    query.null().run();
  }
}

void insert_labels(Connection& connection, const JobWrite& write) {
  for (const auto& [key, value] : write.job.spec->labels) {
    Query query(connection.prepare("INSERT INTO labels(key, value, number) VALUES(?, ?, ?)"));
    query.text(key).text(value).number(write.number).run();
  }
}

void update_job(Connection& connection, const JobWrite& write) {
  const Job& job = write.job;
  const std::string end = end_record(job.end);
  Query query(connection.prepare(
      "UPDATE jobs SET revision = ?, state = ?, stop_by = ?, stop_reason = ?, stop_grace_us = ?, "
      "stop_requeue = ?, end_record = ?, end_time_us = ?, priority = ?, held_by = ?, "
      "held_by_operator = ?, "
      "not_before_us = ?, tries = ? WHERE number = ?"));
  bind_changing(query, job, end);
  query.number(write.number).run();
}

void put_attempt(Connection& connection, std::int64_t job, const Attempt& attempt) {
  const std::string end = end_record(attempt.end);
  const std::string usage = encode_usage(attempt.usage);
  Query query(connection.prepare(
      "INSERT INTO attempts(job, number, state, worker_id, worker_name, boot_id, unit, "
      "cgroup, leader_pid, user, launcher, start_time_us, end_time_us, end_record, usage_record) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      // Not the worker: it never changes, and its index is left alone then.
      "ON CONFLICT(job, number) DO UPDATE SET state = excluded.state, unit = excluded.unit, "
      "cgroup = excluded.cgroup, leader_pid = excluded.leader_pid, user = excluded.user, "
      "launcher = excluded.launcher, start_time_us = excluded.start_time_us, "
      "end_time_us = excluded.end_time_us, end_record = excluded.end_record, "
      "usage_record = excluded.usage_record"));
  query.number(job).number(attempt.id.number).value(attempt.state).id(attempt.worker_id);
  query.text(attempt.worker_name).text(attempt.boot_id).text(attempt.unit).text(attempt.cgroup);
  query.number(attempt.leader_pid).text(attempt.user).value(attempt.launcher);
  query.time(attempt.start_time).time(attempt.end_time);
  bind_end(query, end);
  query.blob(usage).run();
}

// Refused starts ran nothing: of a job that is refused for ever, the last ones are enough.
void trim_refused(Connection& connection, const JobWrite& write) {
  const int newest = write.job.attempts.back().id.number;
  const auto keep = static_cast<int>(limits::kRefusedAttemptsKept);
  if (newest <= keep) return;
  Query query(connection.prepare(
      "DELETE FROM attempts WHERE job = ? AND number <= ? AND start_time_us IS NULL"));
  query.number(write.number).number(newest - keep).run();
}

void put_event(Connection& connection, const JobWrite& write) {
  const JobChange change = change_of(write);
  const std::string end = end_record(change.end);
  Query query(connection.prepare(
      "INSERT INTO events(revision, job_id, state, time_us, attempt, worker_id, is_part, "
      "end_record) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
  query.number(change.revision).id(change.job_id).value(change.state).time(change.time);
  query.number(change.attempt).id(change.worker_id).number(write.job.part ? 1 : 0);
  bind_end(query, end);
  query.run();
}

void write_job(Connection& connection, const JobWrite& write) {
  if (write.is_new) {
    insert_job(connection, write);
    if (!write.job.part) {
      insert_spec(connection, write);
      insert_labels(connection, write);
    }
  } else {
    update_job(connection, write);
  }
  for (const Attempt& attempt : write.job.attempts) put_attempt(connection, write.number, attempt);
  if (!write.job.attempts.empty()) trim_refused(connection, write);
  put_event(connection, write);
}

void bind_drain(Query& query, const std::optional<Drain>& drain) {
  if (!drain) {
    query.null().null().null().null().number(0);
  } else {
    query.text(drain->by).text(drain->reason).time(drain->start_time).time(drain->deadline);
    query.number(drain->requeue ? 1 : 0);
  }
}

void write_worker(Connection& connection, const WorkerWrite& write) {
  const WorkerRecord& worker = write.worker;
  if (write.forgotten) {
    Query(connection.prepare("DELETE FROM workers WHERE id = ?")).id(worker.id).run();
    return;
  }
  const std::string labels = encode_labels(worker.labels);
  const std::string capacity = encode_capacity(worker.capacity);
  Query query(connection.prepare(
      "INSERT OR REPLACE INTO workers(id, name, address, state, state_time_us, register_time_us, "
      "boot_id, version, labels_record, capacity_record, drain_by, drain_reason, drain_start_us, "
      "drain_deadline_us, drain_requeue) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  query.id(worker.id).text(worker.name).text(worker.address).value(worker.state);
  query.time(worker.state_time).time(worker.register_time);
  query.text(worker.boot_id).text(worker.version).blob(labels).blob(capacity);
  bind_drain(query, worker.drain);
  query.run();
}

void write_request(Connection& connection, const RequestWrite& request) {
  Query query(connection.prepare(
      "INSERT INTO requests(first_number, count, submitter, request_id) VALUES(?, ?, ?, ?)"));
  query.number(request.first_number).number(request.count);
  query.text(request.submitter).text(request.request_id).run();
}

// The revisions between the oldest event and the newest that none has.
std::int64_t missing(Connection& connection) {
  Query query(connection.prepare(
      "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'missing_revisions'"));
  return query.next() ? query.get_number() : 0;
}

void set_missing(Connection& connection, std::int64_t count) {
  Query(connection.prepare("INSERT OR REPLACE INTO meta(key, value) "
                           "VALUES('missing_revisions', CAST(? AS TEXT))"))
      .number(count)
      .run();
}

std::optional<std::int64_t> oldest_event(Connection& connection) {
  Query query(connection.prepare("SELECT min(revision) FROM events"));
  return query.next() ? query.get_optional_number() : std::nullopt;
}

}  // namespace

JobChange change_of(const JobWrite& write) {
  JobChange change;
  change.revision = write.job.revision;
  change.job_id = write.job.id;
  change.submit_user = write.job.submit_user;
  change.state = write.job.state;
  change.time = write.time;
  change.end = write.job.end;
  if (const Attempt* attempt = write.job.current_attempt()) {
    change.attempt = attempt->id.number;
    change.worker_id = attempt->worker_id;
  }
  return change;
}

std::int64_t write_batch(Connection& connection, const Batch& batch) {
  std::int64_t ended = 0;
  for (const JobWrite& write : batch.jobs) {
    write_job(connection, write);
    if (has_ended(write.job.state)) ++ended;  // its last change: apply() allows no other
  }
  for (const WorkerWrite& write : batch.workers) write_worker(connection, write);
  for (const RequestWrite& request : batch.requests) write_request(connection, request);
  return ended;
}

void HistoryTrimmer::note_gap(Connection& connection, std::int64_t next) {
  Query newest(connection.prepare("SELECT max(revision) FROM events"));
  const auto last = newest.next() ? newest.get_optional_number() : std::nullopt;
  if (!last || next <= *last + 1) return;
  set_missing(connection, missing(connection) + next - *last - 1);
}

void HistoryTrimmer::trim(Connection& connection, std::int64_t newest, std::size_t added) {
  const auto first = oldest_event(connection);
  if (!first) return;
  const std::int64_t gaps = missing(connection);
  const std::int64_t surplus = newest - *first + 1 - gaps - keep_;
  if (surplus <= 0) return;
  const std::int64_t step = std::max(kTrimStepMin, 2 * static_cast<std::int64_t>(added));
  Query(connection.prepare("DELETE FROM events WHERE revision IN "
                           "(SELECT revision FROM events ORDER BY revision LIMIT ?)"))
      .number(std::min(surplus, step))
      .run();
  const std::int64_t gone = connection.number_of("SELECT changes()");
  const std::int64_t left = oldest_event(connection).value_or(newest + 1);
  Query(connection.prepare("DELETE FROM requests WHERE first_number < ?")).number(left).run();
  const std::int64_t passed = left - *first - gone;
  if (passed != 0) set_missing(connection, gaps - passed);
}

}  // namespace takt::store
