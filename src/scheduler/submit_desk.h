// SPDX-License-Identifier: Apache-2.0
// Takes jobs. Guarantees: answered means on disk; the same request id of the same submitter with
// the same specs gets the first answer, also while the first is still under way, and runs nothing
// twice; several specs are taken all or none, a job and its parts too; what an account may have of
// unfinished jobs is counted before anything is made of a request. A job may depend on any job
// that there is; where its condition can't come true any more it ends at once. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "job/principal.h"
#include "job/spec.h"
#include "scheduler/job_table.h"
#include "scheduler/ledger.h"
#include "scheduler/mailbox.h"
#include "scheduler/queue_policy.h"
#include "store/reader.h"

namespace takt::scheduler {

struct Submission {
  Principal principal;       // whose reads are made for it
  std::string submitter;     // whose request ids these are
  std::string submitted_by;  // for people
  std::string submit_user;   // the local user, empty over TCP
  bool by_operator = false;
  Uuid retry_of;           // nil: none
  std::string request_id;  // empty: nothing to compare with
  std::vector<JobSpec> specs;
  // No client waits for the answer; empty: one always does. Without a request id nothing is taken
  // then.
  std::function<bool()> has_gone;
};

struct Submitted {
  std::vector<Uuid> job_ids;
  std::int64_t revision = 0;  // of the first one's submission
};

// The refusal of a request for more than limits::kTasksPerRequestMax tasks.
Error too_many_tasks(std::int64_t tasks);

class SubmitDesk {
 public:
  using Done = std::function<void(const Result<Submitted>&)>;
  // The names of the workers that a job with one part for each would get parts on.
  using Workers = std::function<std::vector<std::string>(const JobSpec&)>;

  // The policy may change; it outlives the desk.
  SubmitDesk(store::Reader& reader, std::shared_ptr<Mailbox> mailbox, Ledger& ledger,
             JobTable& jobs, const QueuePolicy& policy, Workers workers);

  // Calls `done` once, after the commit.
  void submit(Submission submission, Done done);

 private:
  using Key = std::pair<std::string, std::string>;  // submitter, request id
  // The first of its key, and those that came with the same id before it was answered.
  struct Pending {
    Submission submission;
    std::vector<Done> waiting;
  };

  void on_looked_up(const Key& key, Result<std::optional<store::StoredRequest>> stored);
  void answer(const Key& key, const Result<Submitted>& result);
  // What has become of jobs that are not in the table any more.
  using Outcomes = std::map<Uuid, store::JobOutcome>;

  void look_up(const Submission& submission, const Outcomes& outcomes, const Done& done);
  void take(const Submission& submission, const Outcomes& outcomes, const Done& done);
  void take_one(const Submission& submission, const JobSpec& spec, const std::vector<Part>& parts,
                Submitted& submitted);
  [[nodiscard]] std::vector<Uuid> unknown_dependencies(const Submission& submission,
                                                       const Outcomes& outcomes) const;
  [[nodiscard]] std::optional<JobEnd> failed_dependency(const JobSpec& spec,
                                                        const Outcomes& outcomes) const;
  [[nodiscard]] Result<std::vector<Part>> parts_of(const JobSpec& spec) const;
  // What a submission adds to the table.
  struct Extent {
    std::size_t jobs = 0;  // with their parts
    std::size_t spec_bytes = 0;
  };
  [[nodiscard]] Result<void> room_for(const Submission& submission, const Extent& extent) const;
  [[nodiscard]] Result<void> share_for(const Submission& submission, const Extent& extent) const;
  [[nodiscard]] Result<void> store_for(const Submission& submission, const Extent& extent) const;

  store::Reader& reader_;
  const std::shared_ptr<Mailbox> mailbox_;
  Ledger& ledger_;
  JobTable& jobs_;
  const QueuePolicy& policy_;
  const Workers workers_;
  std::map<Key, Pending> pending_;
};

}  // namespace takt::scheduler
