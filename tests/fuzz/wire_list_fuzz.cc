// SPDX-License-Identifier: Apache-2.0
// The filter and the page token of a ListJobs request, down to the rows that the database gives for
// it. What is taken finds those jobs that a look at all of them finds, page by page; no text of it
// becomes a part of the statement.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "fuzz/fuzz.h"
#include "rpc/check_request.h"
#include "rpc/page_token.h"
#include "scheduler/list_filter.h"
#include "store/connection.h"
#include "store/migrations.h"
#include "store/queries.h"
#include "store/write_batch.h"

namespace takt::fuzz {
namespace {

constexpr int kJobs = 12;
const WallTime kBegin = from_unix_us(1'700'000'000'000'000);

// A dozen jobs, one a second; the last three are parts of the ninth, which go by its name and are
// not found by names and labels of their own.
store::JobWrite job_number(int number) {
  store::JobWrite write;
  write.number = number;
  write.is_new = true;
  write.time = kBegin + seconds(number);
  Job& job = write.job;
  std::string id = "00000000-0000-4000-8000-000000000000";
  id.replace(id.size() - 2, 2, std::to_string(10 + number));
  job.id = *Uuid::parse(id);
  job.revision = number;
  job.submit_time = write.time;
  job.submitted_by = number % 2 == 0 ? "user alice" : "user bob";
  job.submit_user = number % 2 == 0 ? "alice" : "bob";
  job.state = static_cast<JobState>(number % 8);
  JobSpec spec;
  if (number <= 9) spec.name = number % 3 == 0 ? "a" : "b";
  spec.argv = {"/bin/true"};
  if (number <= 9 && number % 2 == 0) spec.labels["k"] = number % 4 == 0 ? "v" : "w";
  job.spec = std::make_shared<const JobSpec>(std::move(spec));
  if (number == 9) job.parts = 3;
  if (number > 9)
    job.part = std::make_shared<const Part>(
        Part{.whole = *Uuid::parse("00000000-0000-4000-8000-000000000019"),
             .whole_number = 9,
             .index = number - 10,
             .worker = {}});
  if (number % 4 == 1) {
    Attempt attempt;
    attempt.id = {job.id, 1};
    attempt.worker_id = job.id;
    attempt.worker_name = "w" + std::to_string(number % 3);
    attempt.boot_id = "boot";
    job.attempts.push_back(attempt);
  }
  return write;
}

class Database {
 public:
  Database() {
    std::string folder = std::filesystem::temp_directory_path() / "takt-fuzz-XXXXXX";
    TAKT_CHECK(::mkdtemp(folder.data()) != nullptr, "mkdtemp");
    folder_ = folder;
    auto opened = store::Connection::open({folder + "/takt.db", false, {}, 0});
    TAKT_CHECK(opened.ok(), "%s", opened.error().message.c_str());
    connection_ = std::move(*opened);
    TAKT_CHECK(store::prepare_schema(*connection_, folder).ok(), "no schema");
    for (int number = 1; number <= kJobs; ++number) all_.push_back(job_number(number));
    store::write_batch(*connection_, {.jobs = all_, .workers = {}, .requests = {}});
  }
  ~Database() {
    connection_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] store::Connection& connection() const { return *connection_; }

  // The numbers of the jobs that match, newest first, by a look at each.
  [[nodiscard]] std::vector<std::int64_t> matches(const store::JobFilter& filter,
                                                  std::int64_t whole) const {
    std::vector<std::int64_t> numbers;
    for (auto at = all_.rbegin(); at != all_.rend(); ++at)
      if (matches(filter, whole, *at)) numbers.push_back(at->number);
    return numbers;
  }

 private:
  static bool matches(const store::JobFilter& filter, std::int64_t whole,
                      const store::JobWrite& write) {
    const Job& job = write.job;
    const std::string worker = job.attempts.empty() ? "" : job.attempts.front().worker_name;
    const auto among = [](const auto& list, const auto& value) {
      return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    const bool labelled =
        std::all_of(filter.labels.begin(), filter.labels.end(), [&job](const auto& label) {
          const auto found = job.spec->labels.find(label.first);
          return found != job.spec->labels.end() && found->second == label.second;
        });
    const bool of_whole = whole > 0 ? job.part && job.part->whole_number == whole
                                    : !job.part || !filter.worker.empty();
    return of_whole && among(filter.states, job.state) && labelled &&
           (filter.name.empty() || job.spec->name == filter.name) &&
           (filter.user.empty() || job.submit_user == filter.user) &&
           (filter.worker.empty() || worker == filter.worker) &&
           (!filter.since || job.submit_time >= *filter.since) &&
           (!filter.until || job.submit_time < *filter.until) &&
           (filter.before == 0 || write.number < filter.before);
  }

  std::string folder_;
  std::unique_ptr<store::Connection> connection_;
  std::vector<store::JobWrite> all_;
};

// All pages of it, from where it begins.
void check_pages(const Database& database, store::JobFilter filter) {
  std::int64_t whole = 0;
  if (!filter.part_of.empty()) {
    const auto found = store::resolve_job(database.connection(), filter.part_of);
    if (found) whole = *found;
    const auto page = store::query_jobs(database.connection(), filter);
    TAKT_CHECK(page.ok() == found.ok(), "a whole that there is, or is not");
    if (!found) return;
  }
  const std::vector<std::int64_t> expected = database.matches(filter, whole);
  std::vector<std::int64_t> found;
  do {
    const auto page = store::query_jobs(database.connection(), filter);
    TAKT_CHECK(page.ok(), "%s", page.error().message.c_str());
    TAKT_CHECK(page->jobs.size() <= filter.page_size, "a page is larger than was asked for");
    for (const store::JobView& view : page->jobs) found.push_back(view.number);
    filter.before = page->next_before;
    if (filter.before == 0) break;
    const auto token = rpc::read_job_token(rpc::job_token(filter.before));
    TAKT_CHECK(token.ok() && *token == filter.before, "a page token is read as another one");
  } while (found.size() <= kJobs);
  TAKT_CHECK(found == expected, "%zu jobs are found, and %zu match", found.size(), expected.size());
}

// The tokens of the other lists.
bool take_tokens(const std::string& text) {
  const auto place = rpc::read_worker_token(text);
  if (place && !text.empty()) {
    const auto id = Uuid::parse(place->id);
    TAKT_CHECK(id.ok(), "a place after no worker");
    const auto again = rpc::read_worker_token(rpc::worker_token(*id, place->name));
    TAKT_CHECK(again.ok() && again->name == place->name && *Uuid::parse(again->id) == *id,
               "the token of a worker is read as another one");
  }
  const auto attempt = rpc::read_attempt_token(text);
  if (attempt && *attempt) {
    const auto again = rpc::read_attempt_token(rpc::attempt_token(**attempt));
    TAKT_CHECK(again.ok() && *again == *attempt, "the token of an attempt is read as another one");
  }
  return (place && !text.empty()) || (attempt && *attempt);
}

}  // namespace

bool feed(std::string_view input) {
  static const Database database;
  v1::ListJobsRequest request;
  if (!request.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const bool token = take_tokens(request.page_token());
  if (!rpc::check_request(request).ok()) return token;
  auto filter = scheduler::filter_from_proto(request);
  if (!filter) {
    TAKT_CHECK(!filter.error().message.empty(), "refused without a reason");
    return token;
  }
  check_pages(database, std::move(*filter));
  return true;
}

}  // namespace takt::fuzz
