// SPDX-License-Identifier: Apache-2.0
#include "scheduler/mailbox.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cstddef>
#include <utility>

namespace takt::scheduler {
namespace {

constexpr std::size_t kTasksPerTurn = 1024;

}  // namespace

Result<std::shared_ptr<Mailbox>> Mailbox::create(sd::EventLoop& loop) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return system_error("cannot make an eventfd");
  std::shared_ptr<Mailbox> box(new Mailbox(loop, std::move(wake)));
  auto source =
      loop.add_io(box->wake_.get(), EPOLLIN, [self = box.get()](std::uint32_t) { self->drain(); });
  if (!source) return source.error();
  box->source_ = std::move(*source);
  return box;
}

void Mailbox::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return;  // whoever put the first one in has woken the loop
  }
  wake();
}

void Mailbox::close() {
  source_.reset();
  std::deque<std::function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

void Mailbox::wake() const {
  const ::eventfd_t one = 1;
  (void)::eventfd_write(wake_.get(), one);  // fails only where the counter is full: it is readable
}

void Mailbox::drain() {
  ::eventfd_t count = 0;
  (void)::eventfd_read(wake_.get(), &count);
  std::deque<std::function<void()>> now;
  {
    const std::lock_guard lock(mutex_);
    while (!tasks_.empty() && now.size() < kTasksPerTurn) {
      now.push_back(std::move(tasks_.front()));
      tasks_.pop_front();
    }
    if (!tasks_.empty()) wake();
  }
  for (auto& task : now) loop_.run_within(task);
}

}  // namespace takt::scheduler
