// SPDX-License-Identifier: Apache-2.0
#include "scheduler/submit_desk.h"

#include "base/limits.h"

namespace takt::scheduler {
namespace {

Error differs(const std::string& request_id) {
  return Error{
      ErrorCode::kExists,
      "\"" + request_id + "\" came before with another spec; use a new request_id for a new job",
      "request_id", 0};
}

}  // namespace

SubmitDesk::SubmitDesk(store::Reader& reader, std::shared_ptr<Mailbox> mailbox, Ledger& ledger,
                       JobTable& jobs, const QueuePolicy& policy)
    : reader_(reader),
      mailbox_(std::move(mailbox)),
      ledger_(ledger),
      jobs_(jobs),
      policy_(policy) {}

void SubmitDesk::submit(Submission submission, Done done) {
  if (submission.request_id.empty()) return take(submission, std::move(done));
  const Key key{submission.submitter, submission.request_id};
  const auto [found, first] = pending_.try_emplace(key);
  Pending& pending = found->second;
  if (!first) {
    if (pending.submission.specs != submission.specs) return done(differs(key.second));
    pending.waiting.push_back(std::move(done));
    return;
  }
  pending.submission = std::move(submission);
  pending.waiting.push_back(std::move(done));
  // The entry stands until the answer is out, so no second one can slip in while this is read.
  reader_.request(
      key.first, key.second,
      [this, mailbox = mailbox_, key](Result<std::optional<store::StoredRequest>> stored) {
        mailbox->post([this, key, stored = std::move(stored)] { on_looked_up(key, stored); });
      });
}

void SubmitDesk::on_looked_up(const Key& key, Result<std::optional<store::StoredRequest>> stored) {
  if (!stored) return answer(key, stored.error());
  const Submission& submission = pending_.at(key).submission;
  if (*stored) {
    if ((*stored)->specs != submission.specs) return answer(key, differs(key.second));
    return answer(key, Submitted{(*stored)->job_ids, (*stored)->revision});
  }
  take(submission, [this, key](const Result<Submitted>& result) { answer(key, result); });
}

void SubmitDesk::answer(const Key& key, const Result<Submitted>& result) {
  const auto node = pending_.extract(key);
  for (const Done& done : node.mapped().waiting) done(result);
}

Result<void> SubmitDesk::room_for(const Submission& submission) const {
  if (ledger_.failed()) {
    return make_error(ErrorCode::kUnavailable,
                      "the scheduler cannot write its store at the moment; try again");
  }
  const std::size_t count = submission.specs.size();
  if (jobs_.size() + count > policy_.jobs_max) {
    return make_error(ErrorCode::kResourceExhausted,
                      "the queue is full: " + std::to_string(policy_.jobs_max) +
                          " jobs may be there that have not ended; try again later");
  }
  if (jobs_.of_submitter(submission.submitted_by) + count > policy_.jobs_of_user_max) {
    return make_error(ErrorCode::kResourceExhausted,
                      submission.submitted_by + " has " +
                          std::to_string(jobs_.of_submitter(submission.submitted_by)) +
                          " jobs that have not ended; up to " +
                          std::to_string(policy_.jobs_of_user_max) +
                          " are accepted (jobs_of_user_max in [queue] of scheduler.conf)");
  }
  if (ledger_.full()) {
    return make_error(ErrorCode::kResourceExhausted,
                      "too many changes wait for the disk; try again later");
  }
  for (const JobSpec& spec : submission.specs)
    if (auto given = may_give(policy_, submission.by_operator, spec.priority, "spec.priority");
        !given)
      return given;
  return {};
}

void SubmitDesk::take(const Submission& submission, Done done) {
  if (auto room = room_for(submission); !room) return done(room.error());
  const WallTime now = wall_now();
  Submitted submitted;
  for (const JobSpec& spec : submission.specs) {
    Job job;
    job.id = Uuid::random();
    job.spec = std::make_shared<const JobSpec>(spec);
    job.submitted_by = submission.submitted_by;
    job.submit_user = submission.submit_user;
    job.retry_of = submission.retry_of;
    submitted.job_ids.push_back(job.id);
    const std::int64_t number = jobs_.add(std::move(job), now);
    if (submitted.revision == 0) submitted.revision = number;
  }
  if (!submission.request_id.empty()) {
    ledger_.record(store::RequestWrite{submission.submitter, submission.request_id,
                                       submitted.revision,
                                       static_cast<std::int64_t>(submission.specs.size())});
  }
  ledger_.after_commit([submitted, done = std::move(done)](const Result<void>& committed) {
    done(committed ? Result<Submitted>(submitted) : Result<Submitted>(committed.error()));
  });
}

}  // namespace takt::scheduler
