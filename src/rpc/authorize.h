// SPDX-License-Identifier: Apache-2.0
// Who may do what, and to whose jobs: one table (docs/security.md shows it), the function that
// every RPC passes, and the one that all passes which acts on a job or shows it.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "job/principal.h"
#include "rpc/caller.h"
#include "rpc/shares.h"
#include "rpc/user_names.h"

namespace takt::rpc {

// Every RPC of every service.
enum class Action {
  // JobService, on the scheduler.
  kSubmitJob,
  kSubmitJobs,
  kGetJob,
  kListJobs,
  kCountJobs,
  kStopJob,
  kPauseJob,
  kResumeJob,
  kRetryJob,
  kHoldJob,
  kReleaseJob,
  kUpdateJob,
  kExplainJob,
  kPlanJob,
  kWatchJobs,
  kReadOutput,
  kGetLimits,
  // OperatorService, on the scheduler.
  kListWorkers,
  kDrainWorker,
  kUndrainWorker,
  kForgetWorker,
  kListOrphans,
  kStopOrphan,
  kAdoptOrphan,
  // RegistryService, on the scheduler.
  kRegisterWorker,
  kDeregisterWorker,
  // WorkerService, on each worker: all but the session serve direct use too.
  kWorkerStartJob,
  kWorkerStopJob,
  kWorkerPauseJob,
  kWorkerResumeJob,
  kWorkerQueryJob,
  kWorkerListJobs,
  kWorkerReadOutput,
  kWorkerSession,
  kEnd,  // no action: how many there are
};

// "JobService.SubmitJob", "WorkerService.Session": for messages and audit lines.
const char* action_name(Action action);

// What a role gets of a job by an RPC; of an RPC that is about no job: whether it may be called.
enum class Access {
  kNo,
  kIfShown,  // no, unless `[access] see = all`
  kSummary,  // that the job is there (job/summary.h); all of it with `[access] see = all`
  kYes,
};
// A reader's: another's, whose spec names the principal among its readers.
enum class Whose { kOwn, kReaders, kAnother };

// `[access] see`: what users may see of jobs that are not theirs.
enum class See { kOwn, kAll };

// The table's word. A role that gets nothing of any job may not call the RPC at all.
[[nodiscard]] Access access_of(const Principal& principal, Action action, Whose whose);

// The table as docs/security.md has it, in Markdown.
std::string access_table();

// Ok, or kPermissionDenied with what would have to change ("sudo usermod -aG takt alice, …").
Result<void> authorize(const Principal& principal, Action action);

// Whose a job is.
struct JobOwner {
  std::string job_id;
  std::string submitted_by;  // for people
  Whose whose = Whose::kAnother;
};

// How much of a job there is to see.
enum class Sight { kSummary, kWhole };

// The decision: what this principal gets of this job by this RPC, or kPermissionDenied, which says
// who may.
Result<Sight> may(const Principal& principal, Action action, const JobOwner& job, See see);

// "sudo usermod -aG takt alice, then log in again"
std::string how_to_join(const std::string& group, const std::string& user_name);

// Stands in each service: the principal of this call, once it passed authorize(). On a unix socket
// that is who connected; over TLS it is read from the certificate, here and nowhere else.
class Guard {
 public:
  // Without shares, nothing is counted.
  explicit Guard(Caller connection, std::shared_ptr<Shares> shares = nullptr,
                 UserNames& names = UserNames::of_host())
      : connection_(std::move(connection)), shares_(std::move(shares)), names_(&names) {}

  // The principal, with the name that its uid has now, for a stream whose messages come later, each
  // to be checked then. kUnavailable: a user whose name cannot be looked up. Audits refusals
  // (rpc/refusals.h): the caller sees the answer, the administrator the line. May wait for the user
  // database, for UserNames::kWait at most.
  [[nodiscard]] Result<Principal> admit_stream(const grpc::ServerContextBase& context,
                                               Action action) const;

  // The same for a call with one request, which has passed check_request(), too.
  [[nodiscard]] Result<Principal> admit(const grpc::ServerContextBase& context, Action action,
                                        const google::protobuf::Message& request) const;

  // What a call of an admitted principal holds until it is over.
  [[nodiscard]] Result<ShareLease> take(Share share, const Principal& principal) const;

  // The same of a call with one request and one answer, and of a stream of answers; with what
  // audits it if it ends with kPermissionDenied.
  [[nodiscard]] Result<CallShare> take_call(const grpc::ServerContextBase& context,
                                            const Principal& principal, Action action,
                                            const google::protobuf::Message& request) const;
  [[nodiscard]] Result<StreamShare> take_stream(const grpc::ServerContextBase& context, Share share,
                                                const Principal& principal, Action action) const;

  // What that holder may hold and holds; empty without shares.
  [[nodiscard]] std::vector<ShareUse> uses(const ShareHolder& holder) const;

 private:
  [[nodiscard]] Result<Principal> named() const;
  [[nodiscard]] OnDenied on_denied(const grpc::ServerContextBase& context,
                                   const Principal& principal, Action action) const;

  Caller connection_;
  std::shared_ptr<Shares> shares_;
  UserNames* names_;
};

}  // namespace takt::rpc
