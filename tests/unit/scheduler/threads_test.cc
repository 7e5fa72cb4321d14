// SPDX-License-Identifier: Apache-2.0
// Many threads at once in the scheduler, as gRPC's would be: for ThreadSanitizer above all. Calls
// come without gRPC (support/in_process.h); the workers' sessions are real.
#include <array>
#include <atomic>
#include <mutex>

#include "scheduler/verbs.h"
#include "support/in_process.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

using OnStart = test::FakeWorker::OnStart;

constexpr std::size_t kCallThreads = 4;
constexpr int kClients = 4;
constexpr int kRounds = 12;

class ThreadsTest : public SchedulerTest {
 protected:
  ThreadsTest() {
    root_ = {.role = rpc::Role::kOperator, .every_role = true, .local = true, .uid = 0};
  }

  // Has `verb` called with a reply; gives the call, which is under way.
  template <class Response, class Verb>
  std::shared_ptr<test::UnaryCall<Response>> begin(Verb verb) {
    auto call = std::make_shared<test::UnaryCall<Response>>(threads_);
    rpc::UnaryReply<Response> reply(&call->response);
    call->serve(reply.reactor());
    verb(daemon_->core(), reply);
    return call;
  }
  template <class Response, class Verb>
  Response ask(Verb verb) {
    const auto call = begin<Response>(verb);
    const auto status = call->wait();
    EXPECT_TRUE(status && status->ok()) << (status ? status->error_message() : "no answer");
    return call->response;
  }

  std::shared_ptr<test::UnaryCall<v1::SubmitJobResponse>> begin_submit(const std::string& name) {
    v1::SubmitJobRequest request;
    *request.mutable_spec() = spec(name);
    request.set_request_id(name);
    return begin<v1::SubmitJobResponse>(
        [&](Core& core, const auto& reply) { submit_job(core, root_, request, reply); });
  }
  std::shared_ptr<test::UnaryCall<v1::StopJobResponse>> begin_stop(const std::string& job) {
    v1::StopJobRequest request;
    request.set_job_id(job);
    return begin<v1::StopJobResponse>(
        [&](Core& core, const auto& reply) { scheduler::stop_job(core, root_, request, reply); });
  }
  v1::Job get_one(const std::string& job) {
    v1::GetJobRequest request;
    request.set_job_id(job);
    return ask<v1::GetJobResponse>(
               [&](Core& core, const auto& reply) { get_job(core, request, reply); })
        .job();
  }
  void register_one(const test::FakeWorker& worker) {
    ask<v1::RegisterWorkerResponse>([&](Core& core, const auto& reply) {
      register_worker(core, worker.registration(), reply);
    });
  }
  void list_all() {
    ask<v1::ListJobsResponse>([](Core& core, const auto& reply) { list_jobs(core, {}, reply); });
    ask<v1::ListWorkersResponse>(
        [](Core& core, const auto& reply) { list_workers(core, {}, reply); });
  }
  using WatchCall = test::StreamCall<v1::WatchJobsResponse>;
  std::shared_ptr<WatchCall> begin_watch(std::int64_t after) {
    auto call = std::make_shared<WatchCall>(threads_);
    v1::WatchJobsRequest request;
    request.set_after_revision(after);
    call->serve(watch_jobs(daemon_->core(), request));
    return call;
  }
  using OutputCall = test::StreamCall<v1::ReadOutputResponse>;
  std::shared_ptr<OutputCall> begin_output(const std::string& job) {
    auto call = std::make_shared<OutputCall>(threads_);
    v1::ReadOutputRequest request;
    request.set_job_id(job);
    request.set_follow(true);
    call->serve(read_output(daemon_->core(), request));
    return call;
  }

  // Runs `work` as so many clients at once.
  static void at_once(int count, const std::function<void(int)>& work) {
    std::vector<std::thread> clients;
    for (int i = 0; i < count; ++i) clients.emplace_back(work, i);
    for (std::thread& client : clients) client.join();
  }
  static std::string name_of(int client, int round) {
    return "job-" + std::to_string(client) + "-" + std::to_string(round);
  }

  test::CallThreads threads_{kCallThreads};
  rpc::Caller root_;
};

TEST_F(ThreadsTest, ClientsAtOnceEachGetTheirOwn) {
  const auto one = make_worker(kWorkerOne, "one");
  const auto two = make_worker(kWorkerTwo, "two");
  one->on_start(OnStart::kSucceed);
  const auto watch = begin_watch(0);
  std::atomic<int> stopped = 0;
  at_once(kClients, [&](int client) {
    for (int round = 0; round < kRounds; ++round) {
      const auto submitted = begin_submit(name_of(client, round));
      const auto again = begin_submit(name_of(client, round));
      ASSERT_TRUE(submitted->wait() && again->wait());
      const std::string job = submitted->response.job_id();
      EXPECT_EQ(again->response.job_id(), job) << "the same request";
      EXPECT_EQ(get_one(job).spec().name(), name_of(client, round));
      if (client == 0) register_one(round % 2 == 0 ? *one : *two);
      if (client == 1) list_all();
      ASSERT_TRUE(begin_stop(job)->wait());
      ++stopped;
    }
  });
  EXPECT_EQ(stopped, kClients * kRounds);
  int ended = 0;
  std::int64_t last = 0;
  while (ended < stopped) {
    const auto message = watch->next();
    ASSERT_TRUE(message) << ended << " of " << stopped;
    EXPECT_GE(message->revision(), last) << "in order";
    last = message->revision();
    if (message->event().has_end()) ++ended;
  }
  watch->cancel();
  EXPECT_TRUE(watch->wait());
}

TEST_F(ThreadsTest, ClientsMayGiveUpAtAnyMoment) {
  const auto worker = make_worker(kWorkerOne, "one");
  at_once(kClients, [&](int client) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string name = name_of(client, round);
      const auto submitted = begin_submit(name);
      if (round % 3 == 0) submitted->cancel();
      ASSERT_TRUE(submitted->wait());
      const auto watch = begin_watch(0);
      const auto output = begin_output(name);
      if (round % 2 == 0) {
        EXPECT_TRUE(watch->next());
      }
      const auto stopped = begin_stop(name);
      watch->cancel();
      output->cancel();
      stopped->cancel();
      EXPECT_TRUE(watch->wait());
      EXPECT_TRUE(output->wait());
      EXPECT_TRUE(stopped->wait());
    }
  });
  EXPECT_TRUE(begin_submit("at last")->wait());
}

// What the loop never came to is answered when the daemon is destroyed: here the clients give up.
TEST_F(ThreadsTest, TheSchedulerMayGoDownUnderCalls) {
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<test::UnaryCall<v1::SubmitJobResponse>> call;
  };
  const auto worker = make_worker(kWorkerOne, "one");
  const auto watch = begin_watch(0);
  std::array<Slot, kClients> slots;
  std::atomic<bool> gone = false;
  std::atomic<int> answered = 0;
  std::thread stopper([&] {
    EXPECT_TRUE(test::eventually([&] { return answered > kClients; }));
    daemon_->stop();
    thread_.join();
    gone = true;
    for (Slot& slot : slots) {
      const std::lock_guard lock(slot.mutex);
      if (slot.call) slot.call->cancel();
    }
  });
  at_once(kClients, [&](int client) {
    Slot& slot = slots.at(static_cast<std::size_t>(client));
    for (int round = 0;; ++round) {
      {
        const std::lock_guard lock(slot.mutex);
        if (gone) break;
        slot.call = begin_submit(name_of(client, round));
      }
      EXPECT_TRUE(slot.call->wait());
      ++answered;
    }
  });
  stopper.join();
  watch->cancel();
  EXPECT_TRUE(watch->wait());
  thread_ = std::thread([] {});  // for stop(), which joins it
}

}  // namespace
}  // namespace takt::scheduler
