// SPDX-License-Identifier: Apache-2.0
#include "scheduler/submit_desk.h"

#include <algorithm>

#include "base/limits.h"
#include "base/units.h"

namespace takt::scheduler {
namespace {

Error differs(const std::string& request_id) {
  return Error{
      ErrorCode::kExists,
      "\"" + request_id + "\" came before with another spec; use a new request_id for a new job",
      "request_id", 0};
}

bool is_given_up(const Submission& submission) {
  return submission.has_gone && submission.has_gone();
}

Error given_up() { return make_error(ErrorCode::kCancelled, "the client has gone"); }

// As far as what came first is still known.
bool same(const std::vector<std::optional<JobSpec>>& stored, const std::vector<JobSpec>& specs) {
  return std::equal(stored.begin(), stored.end(), specs.begin(), specs.end(),
                    [](const std::optional<JobSpec>& one, const JobSpec& other) {
                      return !one || *one == other;
                    });
}

// The tasks of an array; 0 where there is none.
std::size_t array_size(const JobSpec& spec) {
  if (!spec.array) return 0;
  return spec.array->indexes.empty() ? static_cast<std::size_t>(spec.array->count)
                                     : spec.array->indexes.size();
}

}  // namespace

Error too_many_tasks(std::int64_t tasks) {
  return invalid("specs", "ask for " + std::to_string(tasks) + " tasks together; at most " +
                              std::to_string(limits::kTasksPerRequestMax) +
                              " in one request are accepted");
}

SubmitDesk::SubmitDesk(store::Reader& reader, std::shared_ptr<Mailbox> mailbox, Ledger& ledger,
                       JobTable& jobs, const QueuePolicy& policy, Workers workers)
    : reader_(reader),
      mailbox_(std::move(mailbox)),
      ledger_(ledger),
      jobs_(jobs),
      policy_(policy),
      workers_(std::move(workers)) {}

void SubmitDesk::submit(Submission submission, Done done) {
  if (submission.request_id.empty()) return look_up(submission, {}, done);
  const Key key{submission.submitter, submission.request_id};
  const auto [found, first] = pending_.try_emplace(key);
  Pending& pending = found->second;
  if (!first) {
    if (pending.submission.specs != submission.specs) return done(differs(key.second));
    pending.waiting.push_back(std::move(done));
    return;
  }
  pending.submission = std::move(submission);
  pending.submission.has_gone = {};  // it may be asked for again, by others too
  pending.waiting.push_back(std::move(done));
  // The entry stands until the answer is out, so no second one can slip in while this is read.
  reader_.request(
      {pending.submission.principal, {}}, key.first, key.second,
      [this, mailbox = mailbox_, key](Result<std::optional<store::StoredRequest>> stored) {
        mailbox->post([this, key, stored = std::move(stored)] { on_looked_up(key, stored); });
      });
}

void SubmitDesk::on_looked_up(const Key& key, Result<std::optional<store::StoredRequest>> stored) {
  if (!stored) return answer(key, stored.error());
  const Submission& submission = pending_.at(key).submission;
  if (*stored) {
    if (!same((*stored)->specs, submission.specs)) return answer(key, differs(key.second));
    return answer(key, Submitted{(*stored)->job_ids, (*stored)->revision});
  }
  look_up(submission, {}, [this, key](const Result<Submitted>& result) { answer(key, result); });
}

void SubmitDesk::answer(const Key& key, const Result<Submitted>& result) {
  const auto node = pending_.extract(key);
  for (const Done& done : node.mapped().waiting) done(result);
}

std::vector<Uuid> SubmitDesk::unknown_dependencies(const Submission& submission,
                                                   const Outcomes& outcomes) const {
  std::vector<Uuid> ids;
  for (const JobSpec& spec : submission.specs)
    for (const Dependency& dependency : spec.dependencies)
      if (jobs_.find(dependency.job_id) == nullptr && !outcomes.contains(dependency.job_id))
        ids.push_back(dependency.job_id);
  return ids;
}

// What the store has to say of jobs that are not in the table any more. Others may leave it while
// that is read, so it is asked again until all are known.
void SubmitDesk::look_up(const Submission& submission, const Outcomes& outcomes, const Done& done) {
  std::vector<Uuid> ids = unknown_dependencies(submission, outcomes);
  if (ids.empty()) return take(submission, outcomes, done);
  reader_.outcomes(
      {submission.principal, submission.has_gone}, ids,
      [this, mailbox = mailbox_, submission, ids, outcomes,
       done](Result<std::vector<std::optional<store::JobOutcome>>> found) {
        mailbox->post(
            [this, submission, ids, known = outcomes, done, found = std::move(found)]() mutable {
              if (!found) return done(found.error());
              for (std::size_t at = 0; at < ids.size(); ++at) {
                if (!(*found)[at])
                  return done(Error{ErrorCode::kNotFound,
                                    "spec.dependencies: no job has the id " + ids[at].str(),
                                    "spec.dependencies", 0});
                known.emplace(ids[at], *(*found)[at]);
              }
              look_up(submission, known, done);
            });
      });
}

// What binds all accounts but operators and root.
Result<void> SubmitDesk::share_for(const Submission& submission, const Extent& extent) const {
  constexpr const char* kFreed = ": wait until some have ended, or stop some, then try again";
  const Holdings own = jobs_.of_submitter(submission.submitted_by);
  if (own.jobs + extent.jobs > policy_.jobs_of_user_max)
    return make_error(ErrorCode::kResourceExhausted,
                      submission.submitted_by + " has " + std::to_string(own.jobs) +
                          " jobs that have not ended, tasks included, and asks for " +
                          std::to_string(extent.jobs) + " more; one account may have " +
                          std::to_string(policy_.jobs_of_user_max) +
                          " (jobs_of_user_max in [queue] of scheduler.conf; takt limits shows it)" +
                          kFreed);
  if (own.spec_bytes + extent.spec_bytes > policy_.spec_bytes_of_account_max)
    return make_error(
        ErrorCode::kResourceExhausted,
        "the unfinished jobs of " + submission.submitted_by + " take " +
            format_bytes(own.spec_bytes) + ", and this would add " +
            format_bytes(extent.spec_bytes) + "; one account may have " +
            format_bytes(policy_.spec_bytes_of_account_max) +
            " (spec_bytes_of_account_max in [limits] of scheduler.conf; takt limits shows it)" +
            kFreed);
  const std::size_t for_users = policy_.jobs_max - policy_.jobs_max / 4;
  if (jobs_.size() + extent.jobs > for_users)
    return make_error(ErrorCode::kResourceExhausted,
                      "the queue has " + std::to_string(jobs_.size()) +
                          " jobs that have not ended, " + std::to_string(own.jobs) +
                          " of them of " + submission.submitted_by + "; beyond " +
                          std::to_string(for_users) +
                          " it is reserved for operators (jobs_max in [queue] of "
                          "scheduler.conf): try again when some have ended");
  return {};
}

// The last part of the store is for what is never refused.
Result<void> SubmitDesk::store_for(const Submission& submission, const Extent& extent) const {
  if (policy_.store_max_bytes == 0) return {};
  const std::int64_t taken = ledger_.store_bytes();
  const std::int64_t added = static_cast<std::int64_t>(extent.spec_bytes) +
                             static_cast<std::int64_t>(extent.jobs) * limits::kJobStoreBytes;
  const int eighths = submission.by_operator ? store::kOperatorsEighths : store::kUsersEighths;
  if (taken + added <= store::eighths_of(policy_.store_max_bytes, eighths)) return {};
  const auto text = [](std::int64_t bytes) {
    return format_bytes(static_cast<std::uint64_t>(bytes));
  };
  return make_error(
      ErrorCode::kResourceExhausted,
      "the scheduler's store has " + text(taken) + ", " +
          format_bytes(jobs_.of_submitter(submission.submitted_by).spec_bytes) +
          " of them in unfinished jobs of " + submission.submitted_by + ", and this would add " +
          text(added) + "; submissions of " + (submission.by_operator ? "operators" : "users") +
          " are taken up to " + std::to_string(eighths) + " eighths of " +
          text(policy_.store_max_bytes) +
          " (store_max in [scheduler] of scheduler.conf): scripts and input of ended jobs are "
          "removed at the moment; try again later, or stop unfinished jobs");
}

Result<void> SubmitDesk::room_for(const Submission& submission, const Extent& extent) const {
  if (ledger_.failed()) {
    return make_error(ErrorCode::kUnavailable,
                      "the scheduler cannot write its store at the moment; try again");
  }
  if (!submission.by_operator) {
    if (auto share = share_for(submission, extent); !share) return share;
  } else if (jobs_.size() + extent.jobs > policy_.jobs_max) {
    return make_error(ErrorCode::kResourceExhausted,
                      "the queue is full: " + std::to_string(policy_.jobs_max) +
                          " jobs may be there that have not ended; try again later");
  }
  if (auto room = store_for(submission, extent); !room) return room;
  if (auto room = ledger_.check_room(submission.by_operator); !room) return room;
  for (const JobSpec& spec : submission.specs)
    if (auto given = may_give(policy_, submission.by_operator, spec.priority, "spec.priority");
        !given)
      return given;
  return {};
}

// None: it is one job.
Result<std::vector<Part>> SubmitDesk::parts_of(const JobSpec& spec) const {
  std::vector<Part> parts;
  if (spec.array) {
    for (const int index : spec.array->indexes) parts.push_back({.index = index});
    if (parts.empty())
      for (int index = 0; index < spec.array->count; ++index) parts.push_back({.index = index});
  }
  if (!spec.one_per_worker) return parts;
  for (const std::string& worker : workers_(spec))
    parts.push_back({.index = static_cast<int>(parts.size()), .worker = worker});
  if (!parts.empty()) return parts;
  return Error{ErrorCode::kFailedPrecondition,
               "spec.one_per_worker: no worker matches the constraints and takes jobs; see takt "
               "workers",
               "spec.one_per_worker", 0};
}

// The end of a job whose condition can't come true any more.
std::optional<JobEnd> SubmitDesk::failed_dependency(const JobSpec& spec,
                                                    const Outcomes& outcomes) const {
  for (const Dependency& dependency : spec.dependencies) {
    const LiveJob* live = jobs_.find(dependency.job_id);
    const auto stored = outcomes.find(dependency.job_id);
    JobState state = live != nullptr ? live->job.state : JobState::kQueued;
    std::optional<JobEnd> end = live != nullptr ? live->job.end : std::nullopt;
    if (live == nullptr && stored != outcomes.end()) {
      state = stored->second.state;
      end = stored->second.end;
    }
    if (!has_ended(state) || is_fulfilled(dependency.condition, state == JobState::kSucceeded))
      continue;
    return dependency_failed(dependency.job_id, end);
  }
  return std::nullopt;
}

void SubmitDesk::take(const Submission& submission, const Outcomes& outcomes, const Done& done) {
  if (is_given_up(submission)) return done(given_up());
  std::vector<std::vector<Part>> parts;
  // Without tasks on each worker, which are counted where they are made.
  Extent extent;
  for (const JobSpec& spec : submission.specs) {
    extent.jobs += 1 + array_size(spec);
    extent.spec_bytes += stored_bytes(spec);
  }
  if (auto room = room_for(submission, extent); !room) return done(room.error());
  extent.jobs = submission.specs.size();
  std::int64_t tasks = 0;
  for (const JobSpec& spec : submission.specs) {
    auto of_spec = parts_of(spec);
    if (!of_spec) return done(of_spec.error());
    extent.jobs += of_spec->size();
    tasks += std::max<std::int64_t>(1, static_cast<std::int64_t>(of_spec->size()));
    if (tasks > limits::kTasksPerRequestMax) return done(too_many_tasks(tasks));
    parts.push_back(std::move(*of_spec));
  }
  if (auto room = room_for(submission, extent); !room) return done(room.error());
  Submitted submitted;
  for (std::size_t at = 0; at < submission.specs.size(); ++at)
    take_one(submission, submission.specs[at], parts[at], submitted);
  // Afterwards, so that the numbers of what was submitted follow one another.
  for (std::size_t at = 0; at < submission.specs.size(); ++at)
    if (const auto end = failed_dependency(submission.specs[at], outcomes))
      jobs_.end_early(*jobs_.find(submitted.job_ids[at]), *end);
  if (!submission.request_id.empty()) {
    ledger_.record(store::RequestWrite{submission.submitter, submission.request_id,
                                       submitted.revision, static_cast<std::int64_t>(extent.jobs)});
  }
  ledger_.after_commit([submitted, done](const Result<void>& committed) {
    done(committed ? Result<Submitted>(submitted) : Result<Submitted>(committed.error()));
  });
}

void SubmitDesk::take_one(const Submission& submission, const JobSpec& spec,
                          const std::vector<Part>& parts, Submitted& submitted) {
  const WallTime now = wall_now();
  Job job;
  job.id = Uuid::random();
  job.spec = std::make_shared<const JobSpec>(spec);
  job.submitted_by = submission.submitted_by;
  job.submit_user = submission.submit_user;
  job.retry_of = submission.retry_of;
  Job part = job;
  job.parts = static_cast<int>(parts.size());
  const Uuid id = job.id;
  const std::int64_t number = jobs_.add(std::move(job), now);
  for (const Part& which : parts) {
    Part whose = which;
    whose.whole = id;
    whose.whole_number = number;
    part.id = Uuid::random();
    part.part = std::make_shared<const Part>(std::move(whose));
    jobs_.add(part, now);
  }
  submitted.job_ids.push_back(id);
  if (submitted.revision == 0) submitted.revision = number;
}

}  // namespace takt::scheduler
