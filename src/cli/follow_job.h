// SPDX-License-Identifier: Apache-2.0
// Output of a job through all its attempts, one after another.
#pragma once

#include <functional>
#include <optional>

#include "cli/follow.h"

namespace takt::cli {

class JobFollower {
 public:
  // `request` says which output; its job id is a whole UUID. `unreadable` is told why the output of
  // an attempt cannot be read, and the job is followed on. `tried_again`: there may be more than
  // one attempt.
  JobFollower(Client& client, Console& console, v1::ReadOutputRequest request, OutputForm form,
              bool tried_again, std::function<void(const Error&)> unreadable);

  // Until the job's last output is written. Call it again after kInterrupted only. kFailed: it
  // cannot be told how the job goes on.
  FollowEnd run();

  [[nodiscard]] const Error& error() const { return error_; }

 private:
  FollowEnd read_attempt();
  FollowEnd await_attempt();

  Client& client_;
  Console& console_;
  v1::ReadOutputRequest request_;
  OutputForm form_;
  bool tried_again_;
  std::function<void(const Error&)> unreadable_;
  std::optional<Follower> follower_;
  bool between_attempts_ = false;
  bool ended_ = false;
  Error error_;
};

}  // namespace takt::cli
