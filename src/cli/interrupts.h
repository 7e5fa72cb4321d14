// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM, where they mean something else than the end of takt. Guarantees: once armed,
// a signal cancels the call under way, wakes what waits, and is counted; none is lost between two
// calls. Before that, signals do what they always do. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace grpc {
class ClientContext;
}

namespace takt::cli {

class Interrupts {
 public:
  Interrupts() = default;
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  // Takes SIGINT and SIGTERM over, unless they are ignored. Must come before the process has other
  // threads.
  Result<void> arm();

  // Counts a signal, as if it had come.
  void deliver(int signal);

  // The first signal that came; 0: none.
  [[nodiscard]] int first_signal() const;

  // Whether a signal came that accept() has not answered yet; `spare` more are let pass.
  [[nodiscard]] bool pending(int spare = 0) const;

  // Answers what came; the next signal interrupts anew.
  void accept();

  // Waits for `span`, or until a signal is pending; true if one is.
  bool wait(milliseconds span, int spare = 0);

  // Readable while a signal is pending; -1 before arm(). For poll.
  [[nodiscard]] int poll_fd() const { return wake_.get(); }

  // While it lives, the call is cancelled as soon as a signal is pending (or is so already).
  // Calls may nest: the inner one is cancelled first.
  class Call {
   public:
    Call(Interrupts& interrupts, grpc::ClientContext& context, int spare = 0);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call();

   private:
    Interrupts& interrupts_;
    grpc::ClientContext* outer_;  // a call around this one, and its own spare
    int outer_spare_;
  };

 private:
  void listen();
  void cancel_if_due();

  mutable std::mutex mutex_;
  std::condition_variable came_;
  int count_ = 0;
  int accepted_ = 0;
  int first_ = 0;
  grpc::ClientContext* call_ = nullptr;
  int spare_ = 0;
  UniqueFd signals_;
  UniqueFd wake_;
  UniqueFd quit_;
  std::thread listener_;
};

}  // namespace takt::cli
