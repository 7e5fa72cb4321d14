// SPDX-License-Identifier: Apache-2.0
#include "cli/follow_job.h"

#include <utility>

#include "cli/text.h"

namespace takt::cli {
namespace {

constexpr auto kAttemptPause = milliseconds(500);  // between looks whether it is tried again

}  // namespace

JobFollower::JobFollower(Client& client, Console& console, v1::ReadOutputRequest request,
                         OutputForm form, bool tried_again,
                         std::function<void(const Error&)> unreadable)
    : client_(client),
      console_(console),
      request_(std::move(request)),
      form_(form),
      tried_again_(tried_again),
      unreadable_(std::move(unreadable)) {}

FollowEnd JobFollower::run() {
  while (!ended_) {
    const FollowEnd end = between_attempts_ ? await_attempt() : read_attempt();
    if (end != FollowEnd::kComplete) return end;
  }
  return FollowEnd::kComplete;
}

FollowEnd JobFollower::read_attempt() {
  if (!follower_) follower_.emplace(client_, console_, request_, form_);
  const FollowEnd end = follower_->run();
  error_ = follower_->error();
  if (end == FollowEnd::kFailed)
    unreadable_(error_);
  else if (end != FollowEnd::kComplete)
    return end;
  request_.set_attempt(follower_->attempt());
  follower_.reset();
  between_attempts_ = tried_again_;
  ended_ = !tried_again_;
  return FollowEnd::kComplete;
}

// Until another attempt has begun, or the job has ended without one.
FollowEnd JobFollower::await_attempt() {
  for (;;) {
    const auto job = client_.get_job(request_.job_id());
    if (!job && job.error().code != ErrorCode::kCancelled) {
      error_ = job.error();
      return FollowEnd::kFailed;
    }
    if (job) {
      for (const v1::Attempt& other : job->attempts()) {
        if (other.number() <= request_.attempt() || !other.has_start_time()) continue;
        request_.set_attempt(other.number());
        between_attempts_ = false;
        return FollowEnd::kComplete;
      }
      ended_ = ended(*job);
      if (ended_) return FollowEnd::kComplete;
    }
    if (client_.interrupts().wait(kAttemptPause)) return FollowEnd::kInterrupted;
  }
}

}  // namespace takt::cli
