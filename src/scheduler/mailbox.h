// SPDX-License-Identifier: Apache-2.0
// News for the loop that must not get lost: from the writer, the reader and the sessions, each of
// which bounds how much it can have under way. Guarantees: post() never fails and never blocks for
// long; tasks run on the loop in order of posting; after close() none runs and none is kept.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sd/event_loop.h"

namespace takt::scheduler {

class Mailbox {
 public:
  // The loop must outlive the open mailbox.
  static Result<std::shared_ptr<Mailbox>> create(sd::EventLoop& loop);
  ~Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread.
  void post(std::function<void()> task);

  // Loop thread, or once the loop has ended.
  void close();

 private:
  Mailbox(sd::EventLoop& loop, UniqueFd wake) : loop_(loop), wake_(std::move(wake)) {}
  void drain();
  void wake() const;

  sd::EventLoop& loop_;
  const UniqueFd wake_;
  sd::Source source_;

  std::mutex mutex_;  // guards what follows
  std::deque<std::function<void()>> tasks_;
  bool closed_ = false;
};

}  // namespace takt::scheduler
