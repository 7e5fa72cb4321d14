// SPDX-License-Identifier: Apache-2.0
// An end is on disk before it is reported, also on a disk that refuses to sync now and then.
#include "worker/ending.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <memory>

#include "support/failing_sync.h"
#include "unit/worker/worker_parts.h"

namespace takt::worker {
namespace {

class EndingTest : public testing::Test {
 protected:
  EndingTest() {
    worker_.run([this] {
      Core& core = worker_.core();
      parts_ = std::make_unique<WorkerParts>(core);
      core.on_change.emplace_back([this](const LivePtr& live) {
        if (live->record.end) reported_[live->record.id] = exit_inode(live->record.id);
      });
    });
  }

  [[nodiscard]] ino_t exit_inode(const AttemptId& id) const {
    struct stat info {};
    EXPECT_EQ(::stat(worker_.path(id, attempt::kExitFile).c_str(), &info), 0);
    return info.st_ino;
  }
  static attempt::ExitRecord exited(int code) {
    attempt::ExitRecord end;
    end.cause = attempt::EndCause::kExited;
    end.wait_status = code << 8;
    end.start_time = end.end_time = wall_now();
    return end;
  }

  std::unique_ptr<WorkerParts> parts_;
  std::map<AttemptId, ino_t> reported_;  // the files `exit`, as they were then; loop thread
  WorkerCore worker_;
};

// Whoever wrote it: a supervisor, or the worker itself.
TEST_F(EndingTest, AnEndWhoseSyncWasRefusedIsWrittenAgainBeforeItIsReported) {
  const AttemptId of_supervisor{Uuid::random(), 1};
  const AttemptId of_worker{Uuid::random(), 1};
  const LivePtr ran = worker_.add_live(of_supervisor);
  const LivePtr failed = worker_.add_live(of_worker);
  ASSERT_TRUE(attempt::write_record(ran->folder.get(), exited(7)).ok());
  failed->step = Step::kPreparing;
  const test::FailingSync disk("/exit");
  for (const LivePtr& live : {ran, failed}) {
    worker_.run([&] { parts_->ending.without_process(live); });
    ASSERT_TRUE(worker_.loop().wait([&] { return live->empty_source || !reported_.empty(); }));
  }
  ASSERT_TRUE(worker_.loop().wait([&] { return reported_.size() == 2; }));
  const auto refused = disk.refused();
  EXPECT_EQ(refused.size(), 2U);
  for (const auto& [id, inode] : reported_)
    EXPECT_NE(refused.at(worker_.path(id, attempt::kExitFile)), inode)
        << "a refused sync is believed";
  worker_.run([&] {
    EXPECT_EQ(ran->record.end->exit_code, 7);
    EXPECT_EQ(failed->record.end->cause, EndCause::kStartFailed);
    EXPECT_EQ(failed->record.end->failed_step, "supervisor");
  });
}

// An earlier worker may have been refused its sync.
TEST_F(EndingTest, AnEndThatARestartFindsIsWrittenAgain) {
  const AttemptId id{Uuid::random(), 1};
  worker_.create_ended(id);
  const ino_t before = exit_inode(id);
  worker_.run([&] { EXPECT_TRUE(parts_->recovery.run().ok()); });
  ASSERT_TRUE(worker_.loop().wait([&] { return !reported_.empty(); }));
  EXPECT_NE(reported_.at(id), before);
}

}  // namespace
}  // namespace takt::worker
