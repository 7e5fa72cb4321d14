// SPDX-License-Identifier: Apache-2.0
#include "support/in_process.h"

#include "base/check.h"
#include "support/in_process_link.h"

// A friend of the context, for tests to define.
class grpc::testing::InteropClientContextInspector {
 public:
  static bool cancelled(ClientContext& context) {
    const grpc::internal::MutexLock lock(&context.mu_);
    return context.call_canceled_;
  }
};

namespace takt::test {

bool cancelled(grpc::ClientContext& context) {
  return grpc::testing::InteropClientContextInspector::cancelled(context);
}

CallThreads::CallThreads(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

CallThreads::~CallThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void CallThreads::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void CallThreads::wait_idle() {
  std::unique_lock lock(mutex_);
  const bool idle =
      changed_.wait_for(lock, kPatience, [this] { return tasks_.empty() && running_ == 0; });
  TAKT_CHECK(idle, "calls do not end");
}

void CallThreads::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !tasks_.empty() || (stopping_ && running_ == 0); });
    if (tasks_.empty()) break;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    ++running_;
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
    if (--running_ == 0 && tasks_.empty()) changed_.notify_all();
  }
}

}  // namespace takt::test
