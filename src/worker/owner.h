// SPDX-License-Identifier: Apache-2.0
// Whose an attempt is. Guarantees: a look-up by AttemptKey finds nothing of another owner, so no
// request that knows an id alone reaches another owner's attempt. Pure; any thread.
#pragma once

#include <sys/types.h>

#include <compare>
#include <string>
#include <utility>

#include "job/job.h"
#include "rpc/caller.h"

namespace takt::worker {

// How the records name the owner of attempts that no scheduler sent.
inline constexpr const char* kDirectOwner = "direct";

class Owner {
 public:
  // The scheduler whose store has this id.
  static Owner scheduler(std::string store_id) { return {std::move(store_id), "", rpc::kNoUid}; }

  // A caller that starts attempts on this worker directly. Both the account and the uid count: a
  // user who gets the name or the number of an earlier one is another owner.
  static Owner direct(std::string account, uid_t uid) {
    return {kDirectOwner, std::move(account), uid};
  }
  static Owner direct(const rpc::Caller& caller) { return direct(caller.describe(), caller.uid); }

  [[nodiscard]] bool is_direct() const { return name_ == kDirectOwner; }

  // The store's id, or kDirectOwner.
  [[nodiscard]] const std::string& name() const { return name_; }

  // "alice", "scheduler store 7a359f99-…": for messages.
  [[nodiscard]] std::string describe() const {
    return is_direct() ? account_ : "scheduler store " + name_;
  }

  // The job that this owner's request of this id starts: the same on each call to this worker, and
  // another one for every other owner, id and worker.
  [[nodiscard]] Uuid job_of_request(const Uuid& worker_id, const std::string& request_id) const {
    return Uuid::from_name(worker_id, std::to_string(uid_) + " " + account_ + "\n" + request_id);
  }

  friend auto operator<=>(const Owner&, const Owner&) = default;

 private:
  Owner(std::string name, std::string account, uid_t uid)
      : name_(std::move(name)), account_(std::move(account)), uid_(uid) {}

  std::string name_;
  std::string account_;  // of a direct owner
  uid_t uid_;            // of a direct owner; kNoUid where the kernel does not vouch for one
};

// Names an attempt: an id alone does not.
struct AttemptKey {
  Owner owner;
  AttemptId id;
  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
};

}  // namespace takt::worker
