// SPDX-License-Identifier: Apache-2.0
// Jobs by filter, newest first. Every page is read by an index, in order, and never the history as
// a whole: one filter leads, by its index; the others are looked at on the way. States lead where
// they are all of live jobs, of which there are few beside the ended ones, or where nothing but a
// user is asked for: then each is one branch, and the branches are merged.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "job/spec.h"
#include "store/queries.h"
#include "store/rows.h"

namespace takt::store {
namespace {

// Whether the user leads together with a state. Parts of jobs have no place in that index.
bool by_user(const JobFilter& filter) { return !filter.user.empty() && filter.worker.empty(); }

// A statement's text and, in order, what its ? stand for.
class Sql {
 public:
  // `whole` is the number of the job whose parts are asked for; 0: of none.
  Sql(const JobFilter& filter, std::int64_t whole) : filter_(filter), whole_(whole) {}

  [[nodiscard]] const std::string& text() const { return text_; }
  void bind(Query& query) const {
    for (const auto& [number, text] : values_) {
      if (text != nullptr) {
        query.text(*text);
      } else {
        query.number(number);
      }
    }
  }

  // Numbers of matching jobs from `low` to below `high`, at most `most`, newest first.
  void add_select(std::int64_t low, std::int64_t high, std::int64_t most,
                  std::optional<JobState> state) {
    text_ += "SELECT j.number FROM ";
    auto label = filter_.labels.begin();
    const bool by_label = !state && whole_ == 0 && label != filter_.labels.end();
    const bool by_worker = !state && whole_ == 0 && !by_label && !filter_.worker.empty();
    if (by_label) {
      text_ +=
          "labels AS l CROSS JOIN jobs AS j ON j.number = l.number WHERE l.key = ? AND "
          "l.value = ?";
      add(label->first);
      add(label->second);
      ++label;
    } else if (by_worker) {
      text_ +=
          "attempts AS a CROSS JOIN jobs AS j ON j.number = a.job WHERE a.worker_name = ?"
          " AND a.number = (SELECT min(b.number) FROM attempts AS b WHERE b.job = a.job AND"
          " b.worker_name = a.worker_name)";
      add(filter_.worker);
    } else if (whole_ > 0) {
      text_ += "jobs AS j INDEXED BY parts_of_whole WHERE j.whole = ?";
      add(whole_);
    } else if (state && by_user(filter_)) {
      text_ += "jobs AS j INDEXED BY jobs_whole_by_user_and_state WHERE true";
    } else if (!state && filter_.name.empty() && filter_.user.empty()) {
      text_ += "jobs AS j INDEXED BY jobs_whole WHERE true";
    } else {
      text_ += "jobs AS j WHERE true";
    }
    // Parts are shown where they are asked for: by their whole, or by the worker that they were on.
    if (whole_ == 0 && filter_.worker.empty()) text_ += " AND j.whole IS NULL";
    const std::string number = by_label ? "l.number" : by_worker ? "a.job" : "j.number";
    text_ += " AND " + number + " >= ? AND " + number + " < ?";
    add(low);
    add(high);
    const bool leads = !state && whole_ == 0 && !by_label && !by_worker;
    add_equal("j.name", filter_.name, leads);
    add_equal("j.submit_user", filter_.user,
              state ? by_user(filter_) : leads && filter_.name.empty());
    add_states(state);
    for (; label != filter_.labels.end(); ++label) {
      text_ +=
          " AND EXISTS(SELECT 1 FROM labels AS m WHERE m.key = ? AND m.value = ? AND m.number"
          " = j.number)";
      add(label->first);
      add(label->second);
    }
    if (!by_worker && !filter_.worker.empty()) {
      text_ +=
          " AND EXISTS(SELECT 1 FROM attempts AS a WHERE a.job = j.number AND"
          " +a.worker_name = ?)";
      add(filter_.worker);
    }
    add_times();
    text_ += " ORDER BY " + number + " DESC LIMIT ?";
    add(most);
  }

  void add_text(const std::string& text) { text_ += text; }
  void add(std::int64_t number) { values_.emplace_back(number, nullptr); }

 private:
  void add(const std::string& text) { values_.emplace_back(0, &text); }

  // A plus before a column keeps its index out of it.
  void add_equal(const std::string& column, const std::string& value, bool leads) {
    if (value.empty()) return;
    text_ += " AND " + std::string(leads ? "" : "+") + column + " = ?";
    if (leads && column == "j.name") text_ += " AND j.name <> ''";
    add(value);
  }

  void add_states(std::optional<JobState> state) {
    if (state) {
      text_ += " AND j.state = ?";
      add(static_cast<std::int64_t>(*state));
    } else if (!filter_.states.empty()) {
      for (std::size_t at = 0; at < filter_.states.size(); ++at) {
        text_ += at == 0 ? " AND +j.state IN (?" : ", ?";
        add(static_cast<std::int64_t>(filter_.states[at]));
      }
      text_ += ")";
    }
  }

  void add_times() {
    if (filter_.since) {
      text_ += " AND j.submit_time_us >= ?";
      add(to_unix_us(*filter_.since));
    }
    if (filter_.until) {
      text_ += " AND j.submit_time_us < ?";
      add(to_unix_us(*filter_.until));
    }
  }

  const JobFilter& filter_;
  const std::int64_t whole_;
  std::string text_;
  std::vector<std::pair<std::int64_t, const std::string*>> values_;
};

// The first number whose job, or the next one that is there, was submitted then or later. Jobs get
// their numbers in the order of submission.
std::int64_t number_at(Connection& connection, WallTime time) {
  std::int64_t low = 0;
  std::int64_t high = connection.number_of("SELECT ifnull(max(number), 0) FROM jobs") + 1;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    Query query(connection.prepare(
        "SELECT submit_time_us FROM jobs WHERE number >= ? ORDER BY number LIMIT 1"));
    query.number(middle);
    if (query.next() && query.get_time() < time) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Whether each state leads a branch of its own.
bool states_lead(const JobFilter& filter, std::int64_t whole) {
  if (filter.states.empty() || whole > 0) return false;
  const bool alone = filter.labels.empty() && filter.worker.empty() && filter.name.empty();
  return alone || std::none_of(filter.states.begin(), filter.states.end(), has_ended);
}

Sql compose(const JobFilter& filter, std::int64_t whole, std::int64_t low, std::int64_t high,
            std::int64_t most) {
  Sql sql(filter, whole);
  sql.add_text(std::string("SELECT ") + kJobColumns + " FROM jobs AS j WHERE j.number IN (");
  if (states_lead(filter, whole)) {
    for (std::size_t at = 0; at < filter.states.size(); ++at) {
      sql.add_text(at == 0 ? "SELECT number FROM (" : " UNION ALL SELECT number FROM (");
      sql.add_select(low, high, most, filter.states[at]);
      sql.add_text(")");
    }
  } else {
    sql.add_select(low, high, most, std::nullopt);
  }
  sql.add_text(") ORDER BY j.number DESC LIMIT ?");
  sql.add(most);
  return sql;
}

// About what it takes in memory, and more than it does as encoded but for its texts. Who answers
// cuts the page to what fits.
std::size_t weight(const JobView& view) {
  return sizeof(JobView) + sizeof(JobSpec) + stored_bytes(*view.job.spec) +
         view.job.attempts.size() * sizeof(Attempt);
}

}  // namespace

std::string list_sql(const JobFilter& filter) {
  const std::int64_t whole = filter.part_of.empty() ? 0 : 1;
  return compose(filter, whole, 0, std::numeric_limits<std::int64_t>::max(), 1).text();
}

Result<JobPage> query_jobs(Connection& connection, const JobFilter& filter) {
  JobFilter wanted = filter;
  std::sort(wanted.states.begin(), wanted.states.end());
  wanted.states.erase(std::unique(wanted.states.begin(), wanted.states.end()), wanted.states.end());
  std::int64_t whole = 0;
  if (!wanted.part_of.empty()) {
    const auto number = resolve_job(connection, wanted.part_of);
    if (!number) return number.error();
    whole = *number;
  }
  const std::int64_t low = wanted.since ? number_at(connection, *wanted.since) : 0;
  std::int64_t high = wanted.before > 0 ? wanted.before : std::numeric_limits<std::int64_t>::max();
  if (wanted.until) high = std::min(high, number_at(connection, *wanted.until));
  const Sql sql =
      compose(wanted, whole, low, high, static_cast<std::int64_t>(wanted.page_size) + 1);
  Query query(connection.prepare_composed(sql.text()));
  sql.bind(query);

  JobPage page;
  std::int64_t last = 0;
  std::size_t bytes = 0;
  while (query.next()) {
    if (page.jobs.size() == wanted.page_size || bytes > limits::kPageMaxBytes) {
      page.next_before = last;
      break;
    }
    auto job = read_job(query, last);
    if (!job) return job.error();
    auto view = complete_view(connection, std::move(*job), last, false);
    if (!view) return view.error();
    bytes += weight(*view);
    page.jobs.push_back(std::move(*view));
  }
  return page;
}

}  // namespace takt::store
