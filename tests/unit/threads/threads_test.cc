// SPDX-License-Identifier: Apache-2.0
// Scheduler and workers under many threads at once: for ThreadSanitizer above all, which sees every
// thread here.
#include <array>
#include <atomic>
#include <mutex>
#include <set>

#include "unit/threads/in_process_fleet.h"

namespace takt::test {
namespace {

constexpr int kClients = 4;
constexpr int kRounds = 5;

class Threads : public InProcessFleet {
 protected:
  // Runs `work` as so many clients at once.
  static void at_once(const std::function<void(int)>& work) {
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i) clients.emplace_back(work, i);
    for (std::thread& client : clients) client.join();
  }
  // Watches until so many jobs have ended; gives the causes of their ends.
  std::multiset<v1::EndCause> wait_ends(std::size_t count) {
    const auto stream = watch(0);
    std::multiset<v1::EndCause> causes;
    while (causes.size() < count) {
      const auto message = stream->next();
      if (!message) break;
      if (message->event().has_end()) causes.insert(message->event().end().cause());
    }
    stream->cancel();
    EXPECT_TRUE(stream->wait());
    return causes;
  }
  bool all_acknowledged() {
    return eventually([this] {
      for (const auto& [address, worker] : workers_)
        if (worker->active() > 0) return false;
      return true;
    });
  }
};

TEST_F(Threads, ManyClientsRunAndStopJobsOnTwoWorkers) {
  add_worker("one");
  add_worker("two");
  at_once([&](int client) {
    for (int round = 0; round < kRounds; ++round) {
      submit("echo " + std::to_string(client));
      const std::string job = submit("exec sleep 1000");
      if (client == 0) list();
      const auto stream = watch(0);
      EXPECT_TRUE(stream->next());
      stop(job);
      stream->cancel();
      EXPECT_TRUE(stream->wait());
    }
  });
  const auto causes = wait_ends(2 * kClients * kRounds);
  EXPECT_EQ(causes.count(v1::END_CAUSE_EXITED), kClients * kRounds);
  EXPECT_EQ(causes.count(v1::END_CAUSE_STOPPED), kClients * kRounds);
  EXPECT_TRUE(all_acknowledged());
}

TEST_F(Threads, ManyFollowersReadWhatAJobWrites) {
  InProcessWorker& worker = add_worker("one");
  const std::string job = submit("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.05; done");
  // Of a job that its worker does not know yet there is nothing to follow.
  ASSERT_TRUE(eventually([&] { return worker.active() == 1; }));
  at_once([&](int) { EXPECT_EQ(output(worker, job), "1\n2\n3\n4\n5\n6\n7\n8\n"); });
  EXPECT_TRUE(all_acknowledged());
}

TEST_F(Threads, SchedulersComeAndGoOverRunningJobs) {
  add_worker("one");
  constexpr int kJobs = 20;
  for (int i = 0; i < kJobs; ++i) submit("sleep 0.1");
  for (int i = 0; i < 3; ++i) start_scheduler();
  EXPECT_EQ(wait_ends(kJobs).count(v1::END_CAUSE_EXITED), kJobs);
  EXPECT_TRUE(all_acknowledged());
}

TEST_F(Threads, AWorkerMayGoDownUnderItsSession) {
  InProcessWorker& worker = add_worker("one");
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return worker.active() > 0; }));
    worker.daemon().stop();
  });
  constexpr int kJobs = 20;
  for (int i = 0; i < kJobs; ++i) submit("true");
  stopper.join();
  take_down();
  start_scheduler();
  add_worker("one");
  EXPECT_EQ(wait_ends(kJobs).count(v1::END_CAUSE_EXITED), kJobs);
  EXPECT_TRUE(all_acknowledged());
}

TEST_F(Threads, TheSameRequestFromManyClientsIsOneJob) {
  std::mutex mutex;
  std::set<std::string> jobs;
  at_once([&](int) {
    for (int round = 0; round < kRounds; ++round) {
      const auto call = begin_submit("true", std::to_string(round));
      ASSERT_TRUE(call->wait());
      EXPECT_EQ(get(call->response.job_id()).spec().argv_size(), 3);
      const std::lock_guard lock(mutex);
      jobs.insert(call->response.job_id());
    }
  });
  EXPECT_EQ(jobs.size(), kRounds);
}

TEST_F(Threads, ClientsMayGiveUpAtAnyMoment) {
  add_worker("one");
  at_once([&](int client) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string job = submit("exec sleep 1000");
      const auto given_up = begin_submit("true", std::to_string(client * kRounds + round));
      given_up->cancel();
      const auto stream = watch(0);
      if (round % 2 == 0) {
        EXPECT_TRUE(stream->next());
      }
      const auto stopped = begin_stop(job);
      stream->cancel();
      stopped->cancel();
      EXPECT_TRUE(given_up->wait() && stream->wait() && stopped->wait());
      stop(job);
    }
  });
  EXPECT_EQ(wait_ends(2 * kClients * kRounds).count(v1::END_CAUSE_STOPPED), kClients * kRounds);
  EXPECT_TRUE(all_acknowledged());
}

// What the loop never came to would be answered when the core is destroyed: the clients give up.
TEST_F(Threads, TheSchedulerMayGoDownUnderCalls) {
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<UnaryCall<v1::SubmitJobResponse>> call;
  };
  const auto stream = watch(0);
  std::array<Slot, kClients> slots;
  std::atomic<bool> gone = false;
  std::atomic<int> answered = 0;
  std::thread stopper([&] {
    EXPECT_TRUE(eventually([&] { return answered > kClients; }));
    scheduler_->halt();
    gone = true;
    for (Slot& slot : slots) {
      const std::lock_guard lock(slot.mutex);
      if (slot.call) slot.call->cancel();
    }
  });
  at_once([&](int client) {
    Slot& slot = slots.at(static_cast<std::size_t>(client));
    for (;;) {
      {
        const std::lock_guard lock(slot.mutex);
        if (gone) break;
        slot.call = begin_submit("true");
      }
      EXPECT_TRUE(slot.call->wait());
      ++answered;
    }
  });
  stopper.join();
  stream->cancel();
  EXPECT_TRUE(stream->wait());
}

}  // namespace
}  // namespace takt::test
