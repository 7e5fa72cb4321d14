// SPDX-License-Identifier: Apache-2.0
// takt watch: changes of jobs, a line each, as they come.
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "base/time_text.h"
#include "base/units.h"
#include "cli/changes.h"
#include "cli/invocation.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verb.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

constexpr std::size_t kNamesKept = 4096;  // of jobs; one that is forgotten is asked for again

// What the first lines do not tell of the widths of later ones.
constexpr std::string_view kTime = "2026-11-22 09:28:04";
constexpr std::string_view kExactTime = "2026-11-22T09:28:04.123+0100";
constexpr std::size_t kIdLength = 36;

struct WatchOptions {
  std::optional<std::int64_t> after;
  bool history_only = false;
  bool full = false;
};

// What ids are called. Asks once for each; what cannot be learned has no name. Nobody is asked
// again while the scheduler is out of reach: changes that came before it was are told at once.
class Names {
 public:
  explicit Names(Client& client) : client_(client) {}

  void learn(const v1::Job& job) {
    if (jobs_.size() >= kNamesKept) jobs_.clear();
    jobs_[job.job_id()] = job.spec().name();
  }

  std::string of_job(const std::string& id) {
    if (!jobs_.contains(id)) {
      if (!in_reach_) return "";
      const auto job = client_.get_job(id, limits::kClientTellAfter);
      in_reach_ = job || !out_of_reach(job.error());
      if (!job) return "";
      learn(*job);
    }
    return jobs_[id];
  }

  std::string of_worker(const std::string& id) {
    if (id.empty()) return "";
    if (!workers_.contains(id)) {
      if (!in_reach_) return short_id(id);
      const auto all = client_.list_workers();
      in_reach_ = all || !out_of_reach(all.error());
      if (!all) return short_id(id);
      workers_.clear();
      for (const v1::Worker& worker : all->workers()) workers_[worker.worker_id()] = worker.name();
      workers_.try_emplace(id, short_id(id));  // forgotten meanwhile
    }
    return workers_[id];
  }

  // It is in reach, as far as one knows.
  void ask_again() { in_reach_ = true; }

 private:
  Client& client_;
  bool in_reach_ = true;
  std::map<std::string, std::string> jobs_, workers_;
};

// A job as it stands, as if that had just become so.
v1::WatchJobsResponse as_change(const v1::Job& job) {
  v1::WatchJobsResponse change;
  change.set_revision(job.revision());
  v1::JobEvent& event = *change.mutable_event();
  event.set_job_id(job.job_id());
  event.set_state(job.state());
  if (job.has_end()) *event.mutable_end() = job.end();
  if (job.attempts_size() > 0) {
    const v1::Attempt& attempt = job.attempts(job.attempts_size() - 1);
    event.set_attempt(attempt.number());
    event.set_worker_id(attempt.worker_id());
    if (job.state() == v1::JOB_STATE_RUNNING && attempt.has_start_time())
      *event.mutable_event_time() = attempt.start_time();
  } else if (!job.has_end() && job.has_submit_time()) {
    *event.mutable_event_time() = job.submit_time();
  }
  if (job.has_end_time()) *event.mutable_event_time() = job.end_time();
  return change;
}

class Watcher {
 public:
  Watcher(Invocation& call, Client& client, const WatchOptions& options)
      : call_(call),
        client_(client),
        options_(options),
        names_(client),
        table_({"TIME", "JOB", "STATE", "WORKER", "ATTEMPT", "NAME", "END"},
               call.console().screen()) {
    table_.widen(0, options_.full ? kExactTime.size() : kTime.size());
    table_.widen(1, options_.full ? kIdLength : short_id(std::string(kIdLength, '-')).size());
    table_.widen(2, std::string_view("succeeded").size());
    if (options_.history_only && !options_.after) options_.after = 0;
  }

  int run(const std::vector<std::string>& jobs) {
    v1::WatchJobsRequest request;
    request.set_from_now(!options_.after);
    request.set_after_revision(options_.after.value_or(0));
    for (const std::string& name : jobs) {
      const auto job = client_.get_job(name);
      if (!job) return call_.fail("can't watch job " + in_quotes(name), job.error());
      names_.learn(*job);
      if (!named_.insert(job->job_id()).second) continue;
      request.add_job_ids(job->job_id());
      const bool over = options_.after && ended(*job) && job->revision() <= *options_.after;
      if (!over) pending_.insert(job->job_id());
    }
    if (!named_.empty() && pending_.empty()) return 0;
    Changes changes(client_, call_.console(), std::move(request),
                    [this](const v1::WatchJobsResponse& change) { return take(change); });
    const auto done = changes.run();
    if (closed_) return kExitPipe;
    const Error* const error = !done ? &done.error() : failure_ ? &*failure_ : nullptr;
    return error == nullptr ? 0 : fail(*error, changes.revision());
  }

 private:
  bool take(const v1::WatchJobsResponse& change) {
    if (!change.has_event()) return at_present();
    const auto told = told_.find(change.event().job_id());
    if (told != told_.end() && change.revision() <= told->second) return true;
    return tell(change);
  }

  // All that was is told. A reader that is gone is noticed here, also if nothing changes.
  bool at_present() {
    names_.ask_again();
    if (!std::exchange(present_, true) && !begin()) return false;
    closed_ = closed_ || call_.console().reader_gone();
    return !closed_ && !options_.history_only;
  }

  // From now on is from here on: jobs that are named are told as they stand.
  bool begin() {
    if (!call_.json() && !out(table_.take())) return false;
    if (options_.after) return true;
    for (const std::string& id : named_) {
      const auto job = client_.get_job(id);
      if (!job) {
        failure_ = job.error();
        return false;
      }
      told_[id] = job->revision();
      if (!tell(as_change(*job))) return false;
    }
    return true;
  }

  // False: that was the last.
  bool tell(const v1::WatchJobsResponse& change) {
    const v1::JobEvent& event = change.event();
    if (call_.json()) {
      if (!out(to_json(change) + "\n")) return false;
    } else {
      table_.add(row_of(event));
      if (!out(table_.take())) return false;
    }
    if (event.has_end()) pending_.erase(event.job_id());
    return named_.empty() || !pending_.empty();
  }

  bool out(const std::string& text) {
    closed_ = !call_.console().out(text);
    return !closed_;
  }

  std::vector<std::string> row_of(const v1::JobEvent& event) {
    std::string time;
    if (event.has_event_time()) {
      const WallTime when = rpc::time_from_proto(event.event_time());
      time = options_.full ? format_time_exact(when) : format_time(when);
    }
    return {time,
            options_.full ? event.job_id() : short_id(event.job_id()),
            state_text(event.state()),
            printable(names_.of_worker(event.worker_id())),
            event.attempt() == 0 ? "" : std::to_string(event.attempt()),
            printable(names_.of_job(event.job_id())),
            event.has_end() ? end_text(event.end()) : ""};
  }

  int fail(Error error, std::optional<std::int64_t> revision) {
    const std::string_view field = "after_revision";
    for (std::size_t at = 0; (at = error.message.find(field, at)) != std::string::npos;) {
      error.message.replace(at, field.size(), "--after-revision");
      at += field.size();
    }
    if (revision && out_of_reach(error))
      error.message += "; takt watch --after-revision " + std::to_string(*revision) +
                       " goes on where this ended";
    return call_.fail("can't watch jobs", error);
  }

  Invocation& call_;
  Client& client_;
  WatchOptions options_;
  Names names_;
  Table table_;
  std::set<std::string> named_;
  std::set<std::string> pending_;             // of these, those that have not ended
  std::map<std::string, std::int64_t> told_;  // revisions of those told as they stand
  std::optional<Error> failure_;
  bool present_ = false;
  bool closed_ = false;
};

int run_watch(Invocation& call) {
  std::vector<std::string> jobs;
  WatchOptions options;
  std::string after;
  call.operands(jobs, limits::kClientJobsMax, Operands::kOptional);
  call.option("--after-revision", "NUMBER", after,
              "Begin with the first change after this revision, and not with the present; 0: with "
              "the first that the history holds.");
  call.flag("--no-follow", options.history_only, "What the history holds, and no more.");
  call.flag("--full", options.full, "Whole ids and exact times.");
  if (const auto end = call.parse()) return *end;
  if (!after.empty()) {
    const auto number =
        parse_integer(after, "--after-revision", 0, std::numeric_limits<std::int64_t>::max());
    if (!number) return call.usage(number.error().message);
    options.after = *number;
  }
  auto client = call.connect();
  if (!client) return call.fail("can't watch jobs", client.error());
  return Watcher(call, **client, options).run(jobs);
}

}  // namespace

constinit const Verb kWatchVerb = {
    .name = "watch",
    .group = "Jobs",
    .operands = "[JOB...]",
    .summary = "show changes of jobs as they come",
    .examples =
        "  takt watch\n"
        "  takt watch nightly 71aa\n"
        "  takt watch --no-follow | grep failed\n"
        "  takt watch --json --after-revision 4711 | jq -r .revision\n",
    .details =
        "Without JOB: all changes from now on, until Ctrl-C. With JOB: each as it stands, then "
        "its\nchanges, until all have ended. Exits with 0 then, however they ended; takt wait "
        "exits as\nthey did. Lost contact is taken up where it was, without loss.\n"
        "With --json: a WatchJobsResponse a line; its revision is what --after-revision takes.\n",
    .run = run_watch,
};

}  // namespace takt::cli
