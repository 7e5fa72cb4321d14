// SPDX-License-Identifier: Apache-2.0
// Orphans that an operator takes into the record. Guarantees: each caller is answered exactly once,
// after the commit, or when the worker is gone or has not answered in time; what is taken in has
// the id, the number and the submitter that it had, and is one job, whatever it was a part of.
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "rpc/convert.h"
#include "rpc/convert_spec.h"
#include "scheduler/fleet.h"
#include "scheduler/verbs.h"

namespace takt::scheduler {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);  // with a worker that is asked

// What made it wait, and what made it many, is over and not known any more.
JobSpec spec_of_orphan(JobSpec spec) {
  spec.dependencies.clear();
  spec.array.reset();
  spec.one_per_worker = false;
  spec.hold = false;
  return spec;
}

}  // namespace

void Fleet::adopt_orphan(const Uuid& job, const std::string& by, Done done) {
  WorkerEntry* holder = nullptr;  // of the latest one
  for (auto& [id, entry] : workers_) {
    const auto orphan = entry.orphans.find(job);
    if (orphan == entry.orphans.end() || !in_reach(entry)) continue;
    if (holder == nullptr || holder->orphans.at(job).id < orphan->second.id) holder = &entry;
  }
  if (holder == nullptr) return done(no_orphan(job));
  const AttemptId id = holder->orphans.at(job).id;
  Adoption& adoption = holder->adoptions[id];
  adoption.waiting.push_back(std::move(done));
  if (adoption.waiting.size() > 1) return;
  adoption.by = by;
  adoption.patience =
      parts_.loop.add_timer(nanoseconds(kPatience), [this, worker = holder->record.id, id] {
        WorkerEntry& entry = workers_.at(worker);
        end_adoption(entry, id,
                     make_error(ErrorCode::kUnavailable, "worker " + entry.record.name +
                                                             " has not said what attempt " +
                                                             id.str() + " runs; try again"));
      });
  v1::SessionRequest message;
  message.mutable_describe()->set_job_id(job.str());
  message.mutable_describe()->set_attempt(id.number);
  holder->session->send(std::move(message));
}

void Fleet::on_description(WorkerEntry& entry, const v1::AttemptDescription& description) {
  const auto job = Uuid::parse(description.job_id(), "description.job_id");
  const auto found = entry.adoptions.find({job ? *job : Uuid(), description.attempt()});
  if (found == entry.adoptions.end()) return;  // nobody waits for it any more
  const AttemptId id = found->first;
  if (const auto taken = take_in(entry, id, found->second.by, description); !taken)
    return end_adoption(entry, id, taken);
  found->second.patience.reset();
  parts_.ledger.after_commit([this, worker = entry.record.id, id](const Result<void>& committed) {
    if (const auto known = workers_.find(worker); known != workers_.end())
      end_adoption(known->second, id, committed);
  });
}

Result<void> Fleet::take_in(WorkerEntry& entry, const AttemptId& id, const std::string& by,
                            const v1::AttemptDescription& description) {
  const auto orphan = entry.orphans.find(id.job_id);
  if (orphan == entry.orphans.end() || orphan->second.id != id || !description.has_spec())
    return no_orphan(id.job_id);  // it has ended meanwhile
  if (parts_.jobs.find(id.job_id) != nullptr)
    return make_error(ErrorCode::kFailedPrecondition,
                      "job " + id.job_id.str() + " is on record; attempt " + id.str() +
                          " on worker " + entry.record.name + " can only be stopped");
  auto spec = rpc::spec_from_proto(description.spec());
  if (!spec)
    return make_error(ErrorCode::kDataLoss, "what worker " + entry.record.name +
                                                " says of attempt " + id.str() +
                                                " is no spec: " + spec.error().message);
  Job job;
  job.id = id.job_id;
  job.spec = std::make_shared<const JobSpec>(spec_of_orphan(std::move(*spec)));
  job.submitted_by = rpc::clean_text(description.submitted_by(), limits::kReasonMaxBytes);
  job.submit_user = account_of(job.submitted_by);
  parts_.jobs.add(std::move(job), wall_now());
  const Attempt attempt = entry.orphans.extract(orphan).mapped();
  const bool adopted = adopt(entry, *parts_.jobs.find(id.job_id), attempt,
                             "which is not on record here; it is taken in by " + by);
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
    end_adoption(entry, AttemptId(entry.adoptions.begin()->first),
                 make_error(ErrorCode::kUnavailable, "worker " + entry.record.name +
                                                         " has not said what it runs: " + why +
                                                         "; try again"));
}

}  // namespace takt::scheduler
