// SPDX-License-Identifier: Apache-2.0
#include "compat/task_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

namespace takt::compat {
namespace {

using namespace std::chrono_literals;

TEST(TaskThread, RunsInOrderOnOneThread) {
  TaskThread thread;
  std::string said;
  std::thread::id first;
  thread.post([&] { first = std::this_thread::get_id(); });
  for (const char* word : {"a", "b", "c"}) thread.post([&said, word] { said += word; });
  std::thread::id last;
  thread.run([&] { last = std::this_thread::get_id(); });
  EXPECT_EQ(said, "abc");
  EXPECT_EQ(first, last);
  EXPECT_NE(first, std::this_thread::get_id());
}

TEST(TaskThread, RunsTimedTasksInOrderOfTheirTime) {
  TaskThread thread;
  std::promise<void> done;
  std::string said;
  thread.post_later(40ms, [&] {
    said += "c";
    done.set_value();
  });
  thread.post_later(20ms, [&] { said += "b"; });
  thread.post([&] { said += "a"; });
  ASSERT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(said, "abc");
}

TEST(TaskThread, StopRunsWhatWasPostedAndDropsWhatIsForLater) {
  TaskThread thread;
  int ran = 0;
  const auto held = std::make_shared<int>(1);
  thread.post_later(1h, [&ran, held] { ran += 1000; });
  for (int i = 0; i < 100; ++i) thread.post([&ran] { ++ran; });
  thread.stop();
  EXPECT_EQ(ran, 100);
  EXPECT_EQ(held.use_count(), 1) << "what was dropped is gone";
  thread.post([&ran] { ran = -1; });
  thread.post_later(0ms, [&ran] { ran = -1; });
  thread.stop();
  EXPECT_EQ(ran, 100);
}

TEST(TaskThread, ATaskMayPost) {
  TaskThread thread;
  std::promise<void> done;
  thread.post([&] { thread.post([&] { done.set_value(); }); });
  ASSERT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
}

}  // namespace
}  // namespace takt::compat
