// SPDX-License-Identifier: Apache-2.0
// Scheduler and workers under many threads at once: for ThreadSanitizer above all, which sees every
// thread here.
#include <atomic>
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

}  // namespace
}  // namespace takt::test
