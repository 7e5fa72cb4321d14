// SPDX-License-Identifier: Apache-2.0
#include "cli/follow_parts.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "cli/follow_job.h"
#include "cli/text.h"

namespace takt::cli {

std::string part_name(const v1::Job& part) {
  return part.part_worker().empty() ? std::to_string(part.part_index())
                                    : printable(part.part_worker());
}

PartsFollower::PartsFollower(Client& client, const Io& io, Console& console,
                             v1::ReadOutputRequest request, std::vector<v1::Job> parts,
                             bool tried_again)
    : client_(client),
      io_(io),
      shared_(console),
      request_(std::move(request)),
      parts_(std::move(parts)),
      tried_again_(tried_again) {}

PartsFollower::~PartsFollower() {
  {
    const std::lock_guard lock(mutex_);
    next_ = parts_.size();
  }
  for (const auto& hand : hands_) hand->interrupts.deliver(SIGTERM);
  for (const auto& hand : hands_) hand->thread.join();
}

void PartsFollower::start() {
  working_ = std::min(parts_.size(), limits::kClientPartsMax);
  for (std::size_t at = 0; at < working_; ++at) {
    Hand& hand = *hands_.emplace_back(std::make_unique<Hand>());
    hand.thread = std::thread([this, &hand] { work(hand); });
  }
}

FollowEnd PartsFollower::run() {
  shared_.answered.notify_all();
  std::unique_lock lock(mutex_);
  if (hands_.empty()) start();
  while (working_ > 0 && end_ == FollowEnd::kComplete) {
    if (client_.interrupts().pending()) return FollowEnd::kInterrupted;
    changed_.wait_for(lock, kSignalPoll);
  }
  return end_;
}

void PartsFollower::work(Hand& hand) {
  const std::unique_ptr<Client> client = client_.with(hand.interrupts);
  FollowEnd end = FollowEnd::kComplete;
  std::unique_lock lock(mutex_);
  while (end == FollowEnd::kComplete && next_ < parts_.size()) {
    const v1::Job& part = parts_[next_++];
    lock.unlock();
    end = follow(*client, part);
    lock.lock();
  }
  if (end_ == FollowEnd::kComplete && end != FollowEnd::kInterrupted) end_ = end;
  --working_;
  changed_.notify_one();
}

FollowEnd PartsFollower::follow(Client& client, const v1::Job& part) {
  PartConsole console(io_, shared_, part_name(part));
  v1::ReadOutputRequest request = request_;
  request.set_job_id(part.job_id());
  JobFollower follower(client, console, request, OutputForm::kBytes, tried_again_,
                       [&](const Error& error) {
                         console.note("can't show the output: " + printable(error.message) + ".");
                       });
  const FollowEnd end = follower.run();
  console.finish();
  if (end == FollowEnd::kFailed || end == FollowEnd::kWriteFailed) {
    const std::lock_guard lock(mutex_);
    error_ = follower.error();
  }
  return end;
}

}  // namespace takt::cli
