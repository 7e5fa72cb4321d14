// SPDX-License-Identifier: Apache-2.0
// A store in a temporary folder, with callbacks turned into answers.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "store/connection.h"
#include "store/store.h"
#include "unit/base/temp_folder.h"

namespace takt::store {

// Lets a connection of a test's own write, as the store's last scheduler.
inline void adopt_epoch(Connection& connection) {
  connection.set_epoch(
      connection.number_of("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'"));
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override { options_.directory = folder_.path(); }

  void open() {
    auto opened = Store::open(options_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
    snapshot_ = store_->take_snapshot();
    revision_ = snapshot_.revision;
  }
  void reopen() {
    store_.reset();
    open();
  }

  Result<void> commit(Batch batch) {
    std::promise<Result<void>> promise;
    EXPECT_TRUE(store_->writer().commit(
        std::move(batch), [&](Result<void> result) { promise.set_value(std::move(result)); }));
    return promise.get_future().get();
  }

  // Calls a method of the reader and waits for its answer.
  template <class T, class Ask>
  Result<T> ask(Ask ask_now) {
    std::promise<Result<T>> promise;
    ask_now([&](Result<T> answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }
  Result<JobView> get(const std::string& key, bool whole = true) {
    return ask<JobView>(
        [&](auto done) { store_->reader().get_job(own_asker(), key, whole, done); });
  }
  Result<JobPage> list(const JobFilter& filter) {
    return ask<JobPage>([&](auto done) { store_->reader().list_jobs(own_asker(), filter, done); });
  }
  Result<EventPage> events(std::int64_t after, std::int64_t up_to, std::size_t limit) {
    return ask<EventPage>(
        [&](auto done) { store_->reader().events(own_asker(), after, up_to, limit, done); });
  }

  JobWrite new_job(const std::string& name = "", Uuid id = Uuid::random()) {
    JobWrite write;
    write.number = ++revision_;
    write.is_new = true;
    write.time = wall_now();
    write.job.id = id;
    write.job.revision = write.number;
    edit(write, [&](JobSpec& spec) {
      spec.name = name;
      spec.argv = {"/bin/true"};
    });
    write.job.submit_time = write.time;
    write.job.submitted_by = "user alice";
    write.job.submit_user = "alice";
    return write;
  }
  // Changes the spec of a job that is not written yet.
  template <class Change>
  static void edit(JobWrite& write, Change change) {
    JobSpec spec = write.job.spec == nullptr ? JobSpec() : *write.job.spec;
    change(spec);
    write.job.spec = std::make_shared<const JobSpec>(std::move(spec));
  }
  // The same job after an event.
  JobWrite changed(JobWrite write, const JobEvent& event) {
    write.is_new = false;
    write.time = wall_now();
    EXPECT_TRUE(apply(write.job, event, write.time));
    write.job.revision = ++revision_;
    return write;
  }
  static Placed placed(const Uuid& worker) { return {worker, "w1", "boot-1"}; }

  test::TempFolder folder_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  Snapshot snapshot_;
  std::int64_t revision_ = 0;
};

}  // namespace takt::store
