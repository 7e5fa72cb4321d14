// SPDX-License-Identifier: Apache-2.0
// One job, by id, prefix or name, and parts by their index.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "base/limits.h"
#include "job/spec.h"
#include "store/queries.h"
#include "store/rows.h"

namespace takt::store {
namespace {

constexpr std::size_t kUuidLength = 36;

// Whether `key` could be the beginning of a UUID's text; makes it lower case.
bool to_prefix(std::string& key) {
  if (key.size() < limits::kIdPrefixMin || key.size() > kUuidLength) return false;
  for (std::size_t at = 0; at < key.size(); ++at) {
    const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
    const auto c = static_cast<unsigned char>(key[at]);
    if (dash ? c != '-' : std::isxdigit(c) == 0) return false;
    key[at] = static_cast<char>(std::tolower(c));
  }
  return true;
}

struct Match {
  std::int64_t number;
  std::string id;
  std::string name;
};

std::vector<Match> read_matches(Query& query) {
  std::vector<Match> matches;
  while (query.next()) {
    const std::int64_t number = query.get_number();
    std::string id = query.get_text();
    matches.push_back({number, std::move(id), query.get_text()});
  }
  return matches;
}

std::vector<Match> match_prefix(Connection& connection, const std::string& prefix) {
  const std::string beyond = prefix + "g";  // sorts after every hex digit and dash
  Query query(connection.prepare(
      "SELECT number, id, name FROM jobs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"));
  query.text(prefix).text(beyond).number(limits::kCandidatesListed + 1);
  return read_matches(query);
}

std::vector<Match> match_name(Connection& connection, const std::string& name) {
  Query query(connection.prepare(
      "SELECT number, id, name FROM jobs WHERE name = ? AND name <> '' ORDER BY number DESC "
      "LIMIT ?"));
  query.text(name).number(limits::kCandidatesListed + 1);
  return read_matches(query);
}

Error ambiguous(const std::string& key, const std::vector<Match>& matches) {
  std::string text = "\"" + key + "\" fits several jobs: ";
  const std::size_t listed = std::min(matches.size(), limits::kCandidatesListed);
  for (std::size_t at = 0; at < listed; ++at) {
    if (at > 0) text += ", ";
    text += matches[at].id;
    if (!matches[at].name.empty()) text += " (" + matches[at].name + ")";
  }
  if (matches.size() > listed) text += " and more";
  return {ErrorCode::kFailedPrecondition, text + "; give more of the id", "job_id", 0};
}

Result<std::int64_t> resolve_whole(Connection& connection, const std::string& key) {
  if (key.empty()) return invalid("job_id", "is empty; give a job's id, a prefix of it or a name");
  std::string prefix = key;
  const bool hex = to_prefix(prefix);
  std::vector<Match> matches;
  if (hex) matches = match_prefix(connection, prefix);
  const bool whole_id = hex && key.size() == kUuidLength;
  // A name in hex digits is found where no id begins so.
  if (matches.empty() && !whole_id) matches = match_name(connection, key);
  if (matches.size() == 1) return matches.front().number;
  if (!matches.empty()) return ambiguous(key, matches);
  if (!hex && !validate_name(key, "job_id").ok()) {
    return invalid("job_id", "\"" + key.substr(0, limits::kNameMaxBytes) +
                                 "\" is no job id; give a UUID, at least " +
                                 std::to_string(limits::kIdPrefixMin) +
                                 " characters of its beginning, or a job's name");
  }
  return Error{ErrorCode::kNotFound, "no job has the id or name \"" + key + "\"", "job_id", 0};
}

Result<std::int64_t> resolve_part(Connection& connection, std::int64_t whole,
                                  const std::string& index) {
  int number = -1;
  const char* const end = index.data() + index.size();
  const auto parsed = std::from_chars(index.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0)
    return invalid("job_id", "\"" + index.substr(0, limits::kNameMaxBytes) +
                                 "\" is no index of a part; give a number, as in 6f0b/17");
  Query query(connection.prepare("SELECT number FROM jobs WHERE whole = ? AND part_index = ?"));
  if (query.number(whole).number(number).next()) return query.get_number();
  return Error{ErrorCode::kNotFound, "the job has no part with index " + index, "job_id", 0};
}

}  // namespace

Result<std::int64_t> resolve_job(Connection& connection, const std::string& key) {
  const std::size_t slash = key.find('/');
  auto whole = resolve_whole(connection, key.substr(0, slash));
  if (!whole || slash == std::string::npos) return whole;
  return resolve_part(connection, *whole, key.substr(slash + 1));
}

Result<std::vector<std::optional<JobOutcome>>> query_outcomes(Connection& connection,
                                                              const std::vector<Uuid>& ids) {
  std::vector<std::optional<JobOutcome>> outcomes;
  for (const Uuid& id : ids) {
    Query query(connection.prepare("SELECT state, end_record FROM jobs WHERE id = ?"));
    std::optional<JobOutcome>& outcome = outcomes.emplace_back();
    if (!query.id(id).next()) continue;
    outcome.emplace().state = query.get_value(JobState::kStopped);
    auto end = read_end(query);
    if (!end) return end.error();
    outcome->end = std::move(*end);
  }
  return outcomes;
}

Result<std::vector<Part>> query_unsuccessful(Connection& connection, const Uuid& whole) {
  std::vector<Part> parts;
  Query query(
      connection.prepare("SELECT part_index, part_worker, whole FROM jobs WHERE whole = "
                         "(SELECT number FROM jobs WHERE id = ?) AND state <> ? "
                         "ORDER BY part_index"));
  query.id(whole).value(JobState::kSucceeded);
  while (query.next()) {
    Part part;
    part.whole = whole;
    part.index = query.get_int();
    part.worker = query.get_text();
    part.whole_number = query.get_number();
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<JobView> query_job(Connection& connection, const std::string& key, bool whole_spec) {
  const auto number = resolve_job(connection, key);
  if (!number) return number.error();
  static const std::string sql =
      std::string("SELECT ") + kJobColumns + " FROM jobs AS j WHERE j.number = ?";
  Query query(connection.prepare(sql.c_str()));
  if (!query.number(*number).next()) return make_error(ErrorCode::kNotFound, "no such job");
  std::int64_t age = 0;
  auto job = read_job(query, age);
  if (!job) return job.error();
  return complete_view(connection, std::move(*job), age, whole_spec);
}

}  // namespace takt::store
