// SPDX-License-Identifier: Apache-2.0
// What requests read of jobs. Guarantees: a job comes out as the principal that asks may see it by
// that RPC (rpc/authorize.h): whole, as a summary, or not at all; handlers have no other way to a
// job of the store, so none can forget to ask. Each read counts among those of the principal's
// account. Any thread.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "job/principal.h"
#include "rpc/authorize.h"
#include "rpc/unary.h"
#include "store/reader.h"

namespace takt::scheduler {

// Who asks, by which RPC, and whether the client still waits for the answer.
struct Asking {
  Principal principal;
  rpc::Action action = rpc::Action::kEnd;
  std::function<bool()> has_gone;

  [[nodiscard]] store::Asker asker() const { return {principal, has_gone}; }
};

template <class Response>
Asking ask_as(const Principal& principal, rpc::Action action,
              const rpc::UnaryReply<Response>& reply) {
  return {principal, action, [reply] { return reply.over(); }};
}

class Reads {
 public:
  template <class T>
  using Done = store::Reader::Done<T>;

  Reads(store::Reader& reader, rpc::See see) : reader_(reader), see_(see) {}

  void set_see(rpc::See see) { see_ = see; }

  // As store::Reader's. kPermissionDenied: this principal gets nothing of the job by this RPC.
  void job(const Asking& asking, std::string key, bool whole_spec, Done<store::JobView> done) const;
  // A filter by labels finds those jobs only whose labels the principal may see.
  void jobs(const Asking& asking, store::JobFilter filter, Done<store::JobPage> done) const;
  // Of a job that job() gave whole.
  void unsuccessful(const Asking& asking, const Uuid& whole, Done<std::vector<Part>> done) const;
  void workers(const Asking& asking, std::string after_name, std::string after_id,
               std::size_t limit, Done<store::WorkerPage> done) const;

  // How many reads wait.
  [[nodiscard]] store::ReadUse use(const std::string& account, bool is_operator) const {
    return reader_.use(account, is_operator);
  }

  // What the principal gets of this job, wherever it is at hand; kPermissionDenied says who may.
  [[nodiscard]] Result<rpc::Sight> may(const Principal& principal, rpc::Action action,
                                       const Job& job) const;
  // What the principal sees of a change of a job.
  [[nodiscard]] store::JobChange as_seen(const Principal& principal,
                                         const store::JobChange& change) const;

 private:
  Result<store::JobView> as_seen(const Asking& asking, store::JobView view) const;

  store::Reader& reader_;
  std::atomic<rpc::See> see_;
};

}  // namespace takt::scheduler
