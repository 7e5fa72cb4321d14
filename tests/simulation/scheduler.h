// SPDX-License-Identifier: Apache-2.0
// The scheduler of a simulation: the real core on its real loop and store, without threads, which
// may die at any moment and comes back on what it had committed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "rpc/shares.h"
#include "scheduler/core.h"
#include "simulation/hostility.h"
#include "simulation/world.h"
#include "store/store.h"

namespace takt::sim {

// For what stands in for threads and sd-event, of the one scheduler that there is.
void in_scheduler(nanoseconds delay, World::Task task);  // not if it dies before
bool commit_fails();
bool is_overtaken();  // another scheduler has opened the store
bool is_planted(Plant plant);
void count_reads(std::ptrdiff_t by);  // that wait
void on_committed(const store::Batch& batch);
nanoseconds wake_up_time();  // of its loop
bool before_wait();          // true: its loop is over

// So small that hostile clients reach them.
inline constexpr std::size_t kJobsOfUser = 60;
inline constexpr std::size_t kRequestsOfUser = 24;

class Scheduler {
 public:
  struct Hooks {
    scheduler::Session::Begin begin_session;
    std::function<void(const store::Batch&)> on_committed;
    // It has loaded what was committed.
    std::function<void()> on_started;
    // Whatever ran on its loop has run.
    std::function<void()> on_idle;
  };

  Scheduler(std::string folder, Hooks hooks, Plant plant);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Lets the world go on, until finish() or until a promise is broken.
  void run();
  void finish() { finished_ = true; }
  // It goes for good.
  void bury();

  // Null while it is down.
  [[nodiscard]] scheduler::Core* core() const { return core_.get(); }

  // It dies now, and comes back after a while.
  void crash(nanoseconds down);
  // The lock file is removed, and a second one opens the store, which is its own from now on. It
  // begins its work when this one has ended: by itself, or when it dies.
  void open_a_second_one();
  // Of the requests that an account has without an answer; kResourceExhausted.
  Result<rpc::ShareLease> take_share(const rpc::Caller& caller);
  [[nodiscard]] std::size_t requests_of(const rpc::Caller& caller) const;
  [[nodiscard]] std::size_t reads_waiting() const { return reads_waiting_; }
  [[nodiscard]] std::size_t batches_waiting() const { return store_->writer().waiting(); }
  // Its loop does not wake for so long.
  void stall(nanoseconds span) { stalled_until_ = World::the().now() + span; }
  // Whether its disk fails, so often of one.
  void set_disk_failures(double probability) { disk_failures_ = probability; }

 private:
  friend void in_scheduler(nanoseconds delay, World::Task task);
  friend bool commit_fails();
  friend bool is_overtaken();
  friend bool is_planted(Plant plant);
  friend void count_reads(std::ptrdiff_t by);
  friend void on_committed(const store::Batch& batch);
  friend nanoseconds wake_up_time();
  friend bool before_wait();

  void start();
  [[nodiscard]] std::unique_ptr<store::Store> open_store() const;
  [[nodiscard]] bool is_over() const { return finished_ || World::the().failed(); }

  const std::string folder_;
  const Hooks hooks_;
  const Plant plant_;
  Life life_;  // null while it is down
  std::unique_ptr<rpc::Credentials> credentials_;
  std::unique_ptr<sd::EventLoop> loop_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Store> next_store_;  // of the second one, while this one is still there
  std::unique_ptr<rpc::Shares> shares_;
  std::vector<rpc::ShareLease> kept_;  // by Plant::kSharesAreKept
  std::unique_ptr<scheduler::Core> core_;
  std::size_t reads_waiting_ = 0;
  BootTime stalled_until_{};
  double disk_failures_ = 0;
  nanoseconds down_{};
  bool dies_ = false;
  bool finished_ = false;
};

}  // namespace takt::sim
