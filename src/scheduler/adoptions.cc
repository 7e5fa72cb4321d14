// SPDX-License-Identifier: Apache-2.0
// Orphans that an operator takes into the record. Guarantees: each caller is answered exactly once,
// after the commit, or with why there is none; a call may be repeated; a job that was ever on
// record is not taken in again. What is taken in has the id, the attempt's number and the submitter
// that it had. It is one job, whatever it was a part of, and for the worker that has it: only that
// one's word says what it runs.
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "job/principal.h"
#include "rpc/convert.h"
#include "rpc/convert_spec.h"
#include "rpc/status.h"
#include "scheduler/audit.h"
#include "scheduler/fleet.h"

namespace takt::scheduler {
namespace {

Error on_record(const AttemptId& id, const WorkerRecord& worker) {
  return make_error(ErrorCode::kFailedPrecondition,
                    "job " + id.job_id.str() + " is on record; attempt " + id.str() +
                        ", which worker " + worker.name + " holds, can only be stopped");
}

}  // namespace

void Fleet::adopt_orphan(const Uuid& job, const std::string& by, Done done) {
  WorkerEntry* holder = nullptr;  // of the latest one
  for (auto& [id, entry] : workers_) {
    const auto orphan = entry.orphans.find(job);
    if (orphan == entry.orphans.end() || !in_reach(entry)) continue;
    if (holder == nullptr || holder->orphans.at(job).id < orphan->second.id) holder = &entry;
  }
  if (holder == nullptr) {
    if (parts_.jobs.find(job) == nullptr) return done(no_orphan(job));
    return parts_.ledger.after_commit(std::move(done));  // the call came before
  }
  const AttemptId id = holder->orphans.at(job).id;
  Adoption& adoption = holder->adoptions[id];
  adoption.waiting.push_back(std::move(done));
  if (adoption.waiting.size() > 1) return;
  adoption.by = by;
  // An older worker does not know what it is asked, and never answers.
  adoption.patience = parts_.loop.add_timer(
      nanoseconds(limits::kFreezePatience), [this, worker = holder->record.id, id] {
        WorkerEntry& entry = workers_.at(worker);
        end_adoption(entry, id,
                     make_error(ErrorCode::kFailedPrecondition,
                                "worker " + entry.record.name + " (takt " + entry.record.version +
                                    ") does not say what attempt " + id.str() + " runs"));
      });
  v1::SessionRequest message;
  message.mutable_describe()->set_job_id(job.str());
  message.mutable_describe()->set_attempt(id.number);
  holder->session->send(std::move(message));
}

// An orphan may be one of a job that was on record then and has left memory since.
void Fleet::on_description(WorkerEntry& entry, const v1::AttemptDescription& description) {
  const auto job = Uuid::parse(description.job_id(), "description.job_id");
  if (!job) return;
  const AttemptId id{*job, description.attempt()};
  if (!entry.adoptions.contains(id)) return;  // nobody waits for it any more
  parts_.reader.outcomes(
      store::own_asker(), {*job},
      [this, mailbox = parts_.mailbox, worker = entry.record.id, id,
       description](Result<std::vector<std::optional<store::JobOutcome>>> outcomes) {
        mailbox->post([this, worker, id, description, outcomes = std::move(outcomes)] {
          const auto known = workers_.find(worker);
          if (known != workers_.end()) on_known_outcome(known->second, id, description, outcomes);
        });
      });
}

void Fleet::on_known_outcome(
    WorkerEntry& entry, const AttemptId& id, const v1::AttemptDescription& description,
    const Result<std::vector<std::optional<store::JobOutcome>>>& outcomes) {
  const auto adoption = entry.adoptions.find(id);
  if (adoption == entry.adoptions.end()) return;  // the worker was lost meanwhile
  if (!outcomes) return end_adoption(entry, id, outcomes.error());
  if (outcomes->front().has_value() || parts_.jobs.find(id.job_id) != nullptr)
    return end_adoption(entry, id, on_record(id, entry.record));
  if (const auto taken = take_in(entry, id, description); !taken)
    return end_adoption(entry, id, taken);
  // From here on only the commit says how it ends.
  const auto node = entry.adoptions.extract(adoption);
  parts_.ledger.after_commit([id, record = entry.record, by = node.mapped().by,
                              waiting = node.mapped().waiting](const Result<void>& committed) {
    if (committed) audit_adopted(id, record, by);
    for (const Adoption::Done& done : waiting) done(committed);
  });
}

Result<void> Fleet::take_in(WorkerEntry& entry, const AttemptId& id,
                            const v1::AttemptDescription& description) {
  if (!description.has_spec()) forget_orphan(entry, id);  // the worker holds it no more
  const auto orphan = entry.orphans.find(id.job_id);
  if (orphan == entry.orphans.end() || orphan->second.id != id) return no_orphan(id.job_id);
  v1::JobSpec message = description.spec();
  rpc::clear_waiting(message);
  auto spec = rpc::spec_from_proto(message);
  if (!spec)
    return make_error(ErrorCode::kDataLoss, "what worker " + entry.record.name +
                                                " says of attempt " + id.str() +
                                                " is no spec: " + spec.error().message);
  spec->constraints.push_back({"worker", ConstraintOperator::kEqual, {entry.record.name}});
  Job job;
  job.id = id.job_id;
  job.spec = std::make_shared<const JobSpec>(std::move(*spec));
  job.submitted_by = clean_text(description.submitted_by(), limits::kReasonMaxBytes);
  job.submit_user = account_of(job.submitted_by);
  parts_.jobs.add(std::move(job), wall_now());
  const Attempt attempt = entry.orphans.extract(orphan).mapped();
  const bool adopted = adopt(entry, *parts_.jobs.find(id.job_id), attempt);
  TAKT_CHECK(adopted, "a job that is new has an attempt");
  // Another worker may have an earlier one of the same job.
  for (auto& [worker, other] : workers_)
    if (const auto earlier = other.orphans.extract(id.job_id); !earlier.empty())
      on_stray(other, earlier.mapped());
  return {};
}

void Fleet::end_adoption(WorkerEntry& entry, const AttemptId& id, const Result<void>& result) {
  const auto node = entry.adoptions.extract(id);
  if (node.empty()) return;
  for (const Adoption::Done& done : node.mapped().waiting) done(result);
}

void Fleet::fail_adoptions(WorkerEntry& entry, const std::string& why) {
  while (!entry.adoptions.empty())
    end_adoption(
        entry, AttemptId(entry.adoptions.begin()->first),
        make_error(ErrorCode::kUnavailable,
                   "worker " + entry.record.name + " is out of reach: " + why + "; try again"));
}

}  // namespace takt::scheduler
