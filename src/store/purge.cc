// SPDX-License-Identifier: Apache-2.0
#include "store/purge.h"

#include <algorithm>
#include <string>

#include "base/limits.h"
#include "store/rows.h"

namespace takt::store {
namespace {

// Whether a job that has ended may go: a condition on "jobs AS j".
constexpr const char* kMayGo = "j.state >= 5";

// The next ended jobs by number, whatever their state: the index has them by state, so each state
// gives as many as could be needed, and nothing that lives is looked at.
const std::string& look_sql() {
  static_assert(static_cast<int>(JobState::kSucceeded) == 5, "state >= 5 is: has ended");
  static_assert(static_cast<int>(JobState::kStopped) == 7, "these are all of them");
  static const std::string sql =
      "SELECT j.number, ifnull(j.end_time_us, j.submit_time_us), j.parts, "
      "ifnull(length(s.spec_record), 0), ifnull(length(s.script) + ifnull(length(s.stdin), 0), "
      "0), " +
      std::string(kMayGo) +
      " FROM (SELECT number FROM ("
      "SELECT * FROM (SELECT number FROM jobs WHERE state = 5 AND whole IS NULL AND number > ?1"
      " ORDER BY number LIMIT ?2) UNION ALL "
      "SELECT * FROM (SELECT number FROM jobs WHERE state = 6 AND whole IS NULL AND number > ?1"
      " ORDER BY number LIMIT ?2) UNION ALL "
      "SELECT * FROM (SELECT number FROM jobs WHERE state = 7 AND whole IS NULL AND number > ?1"
      " ORDER BY number LIMIT ?2)) ORDER BY number LIMIT ?2) AS next "
      "CROSS JOIN jobs AS j ON j.number = next.number "
      "LEFT JOIN specs AS s ON s.number = j.number ORDER BY next.number";
  return sql;
}

}  // namespace

void Purge::set_limits(const HistoryLimits& limits) {
  limits_ = limits;
  begin_walks();
}

void Purge::begin_walks() {
  crowd_ = {};
  age_ = {};
  inputs_cursor_ = 0;
  inputs_gone_ = false;
  room_ = {};
}

void Purge::set_used(std::int64_t bytes) { used_ = bytes; }

void Purge::restart() {
  ended_.reset();
  begin_walks();
}

void Purge::on_ended(std::int64_t jobs, std::int64_t oldest_number) {
  if (ended_) *ended_ += jobs;
  if (jobs == 0) return;
  inputs_cursor_ = std::min(inputs_cursor_, oldest_number - 1);
  inputs_gone_ = false;
}

WallTime Purge::due() const {
  if (!ended_) return {};
  WallTime due = keep_old_ ? kWallTimeMax : age_.next;
  if (crowded()) due = std::min(due, crowd_.next);
  if (tight()) due = std::min(due, inputs_gone_ ? room_.next : WallTime());
  return due;
}

std::vector<Purge::Row> Purge::look(Connection& connection, std::int64_t after) {
  std::vector<Row> rows;
  Query query(connection.prepare(look_sql().c_str()));
  query.number(after).number(limits::kPurgeStep);
  while (query.next()) {
    Row row;
    row.number = query.get_number();
    row.end_time = query.get_time();
    row.parts = query.get_number();
    row.bytes = query.get_number();
    row.input_bytes = query.get_number();
    row.bytes += row.input_bytes;
    row.may_go = query.get_number() != 0;
    rows.push_back(row);
  }
  return rows;
}

// Parts before the whole whose spec they have, as many as a step may remove.
Result<Purge::Removed> Purge::remove(Connection& connection, const std::vector<Row>& rows) {
  Removed removed;
  if (rows.empty()) return removed;
  if (auto begun = connection.begin_write(); !begun) return begun.error();
  for (const Row& row : rows) {
    if (row.parts > 0) {
      const auto room = static_cast<std::int64_t>(limits::kPurgeStep) - removed.jobs;
      Query parts(connection.prepare(
          "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE whole = ? "
          "ORDER BY number LIMIT ?)"));
      parts.number(row.number).number(std::max<std::int64_t>(room, 0)).run();
      const std::int64_t gone = connection.number_of("SELECT changes()");
      removed.jobs += gone;
      if (gone >= room) {
        removed.unfinished = row.number;
        break;
      }
    }
    Query(connection.prepare("DELETE FROM jobs WHERE number = ?")).number(row.number).run();
    ++removed.jobs;
  }
  connection.execute("COMMIT");
  return removed;
}

Result<Purge::Gone> Purge::step(Connection& connection, WallTime now) {
  auto gone = guarded("cannot purge " + connection.path(), [&]() -> Result<Gone> {
    const auto jobs = [](Result<std::size_t> removed) -> Result<Gone> {
      if (!removed) return removed.error();
      return Gone{.jobs = *removed};
    };
    if (!ended_) ended_ = connection.number_of("SELECT count(*) FROM jobs WHERE state >= 5");
    if (tight() && !inputs_gone_) {
      const auto removed = walk_for_inputs(connection);
      if (!removed) return removed.error();
      return Gone{.inputs = *removed};
    }
    if (tight() && room_.next <= now) return jobs(walk_for_room(connection, now));
    if (crowded() && crowd_.next <= now) return jobs(walk_by_number(connection, now));
    if (!keep_old_ && age_.next <= now) return jobs(walk_by_age(connection, now));
    return Gone();
  });
  if (!gone) {
    roll_back(connection);
    restart();
  }
  return gone;
}

// Of jobs that have ended at any time: that they are there is still seen. Most steps find what they
// look for; past many that have no input, a step is one look at more of them.
Result<std::size_t> Purge::walk_for_inputs(Connection& connection) {
  std::vector<std::int64_t> numbers;
  for (std::size_t look_at = 0; look_at < limits::kPurgeLooks && numbers.empty(); ++look_at) {
    const std::vector<Row> rows = look(connection, inputs_cursor_);
    std::int64_t bytes = 0;
    for (const Row& row : rows) {
      if (bytes >= limits::kPurgeStepBytes) break;
      inputs_cursor_ = row.number;
      if (row.input_bytes < limits::kInputRemovedMin) continue;
      bytes += row.input_bytes;
      numbers.push_back(row.number);
    }
    inputs_gone_ =
        rows.size() < limits::kPurgeStep && (rows.empty() || inputs_cursor_ == rows.back().number);
    if (inputs_gone_) break;
  }
  if (numbers.empty()) return std::size_t{0};
  if (auto begun = connection.begin_write(); !begun) return begun.error();
  const std::string mark(kRemovedScript);
  for (const std::int64_t number : numbers)
    Query(connection.prepare("UPDATE specs SET script = ?, stdin = NULL WHERE number = ?"))
        .blob(mark)
        .number(number)
        .run();
  connection.execute("COMMIT");
  return numbers.size();
}

// As many as a step may remove: how much that gives free is known afterwards.
Result<std::size_t> Purge::walk_for_room(Connection& connection, WallTime now) {
  const std::vector<Row> rows = look(connection, room_.cursor);
  std::int64_t cursor = room_.cursor;
  std::int64_t bytes = 0;
  std::vector<Row> gone;
  for (const Row& row : rows) {
    if (bytes >= limits::kPurgeStepBytes) break;
    cursor = row.number;
    if (!row.may_go || row.end_time > now - limits_.age_min) continue;
    bytes += row.bytes;
    gone.push_back(row);
  }
  const auto done = remove(connection, gone);
  if (!done) return done.error();
  *ended_ -= done->jobs;
  if (done->unfinished) cursor = *done->unfinished - 1;
  room_.cursor = cursor;
  const bool over =
      rows.size() < limits::kPurgeStep && (rows.empty() || cursor == rows.back().number);
  // What is left was too young, or may not go yet.
  if (over) room_ = {.cursor = 0, .next = now + limits::kHistoryAgeMin};
  return static_cast<std::size_t>(done->jobs);
}

// As many as there are too many.
Result<std::size_t> Purge::walk_by_number(Connection& connection, WallTime now) {
  const std::vector<Row> rows = look(connection, crowd_.cursor);
  const std::int64_t too_many = *ended_ - limits_.jobs_max;
  std::int64_t cursor = crowd_.cursor;
  std::int64_t jobs = 0;
  std::int64_t bytes = 0;
  std::vector<Row> gone;
  for (const Row& row : rows) {
    if (jobs >= too_many || bytes >= limits::kPurgeStepBytes) break;
    cursor = row.number;
    if (!row.may_go || row.end_time > now - limits_.age_min) continue;
    jobs += 1 + row.parts;
    bytes += row.bytes;
    gone.push_back(row);
  }
  const auto done = remove(connection, gone);
  if (!done) return done.error();
  const Removed& removed = *done;
  *ended_ -= removed.jobs;
  if (removed.unfinished) cursor = *removed.unfinished - 1;
  crowd_.cursor = cursor;
  const bool over =
      rows.size() < limits::kPurgeStep && (rows.empty() || cursor == rows.back().number);
  // What is left was too young, or may not go yet.
  if (over) crowd_ = {.cursor = 0, .next = now + limits::kHistoryAgeMin};
  return static_cast<std::size_t>(removed.jobs);
}

Result<std::size_t> Purge::walk_by_age(Connection& connection, WallTime now) {
  if (age_.cursor == 0) age_.begin = age_.oldest_left = now;
  const std::vector<Row> rows = look(connection, age_.cursor);
  std::int64_t cursor = age_.cursor;
  std::int64_t bytes = 0;
  WallTime oldest_left = age_.oldest_left;
  std::vector<Row> gone;
  for (const Row& row : rows) {
    if (bytes >= limits::kPurgeStepBytes) break;
    cursor = row.number;
    if (row.may_go && row.end_time <= now - age()) {
      bytes += row.bytes;
      gone.push_back(row);
    } else {
      oldest_left = std::min(oldest_left, row.end_time);
    }
  }
  const auto done = remove(connection, gone);
  if (!done) return done.error();
  const Removed& removed = *done;
  *ended_ -= removed.jobs;
  if (removed.unfinished) cursor = *removed.unfinished - 1;
  age_.cursor = cursor;
  age_.oldest_left = oldest_left;
  const bool over =
      rows.size() < limits::kPurgeStep && (rows.empty() || cursor == rows.back().number);
  if (over) {
    // Nothing comes of age before that; and a walk along all of it is not for each job.
    const auto pause = std::min<microseconds>(limits::kPurgeRoundPause, age() / 10);
    age_ = {.cursor = 0, .next = std::max(now + pause, oldest_left + age())};
  }
  return static_cast<std::size_t>(removed.jobs);
}

}  // namespace takt::store
