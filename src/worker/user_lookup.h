// SPDX-License-Identifier: Apache-2.0
// Users and groups by name, off the loop: a directory service may hang. Guarantees: every look-up
// is answered on the loop within limits::kUserLookup (then with kDeadlineExceeded), however many
// threads hang; a hung thread is left behind, never waited for.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "sd/event_loop.h"

namespace takt::worker {

struct UserIdentity {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home;
  std::string shell;
};

class UserLookup {
 public:
  using Done = std::function<void(Result<UserIdentity>)>;

  explicit UserLookup(sd::EventLoop& loop);
  ~UserLookup();
  UserLookup(const UserLookup&) = delete;
  UserLookup& operator=(const UserLookup&) = delete;

  // Looks up `user`, and `group` unless that is empty, by name. kNotFound, or kPermissionDenied for
  // a group that the user is not a member of, with the field "spec.user" or "spec.group". Loop
  // thread.
  void find(const std::string& user, const std::string& group, Done done);

 private:
  struct Shared;
  struct Waiting;

  void answer(const std::shared_ptr<Waiting>& waiting, Result<UserIdentity> result);

  sd::EventLoop& loop_;
  // The threads have weak ones only, so that timers go on the loop's thread.
  std::set<std::shared_ptr<Waiting>> waiting_;
  std::shared_ptr<Shared> shared_;
};

// The look-up itself. Blocks.
Result<UserIdentity> look_up_user(const std::string& user, const std::string& group);

}  // namespace takt::worker
