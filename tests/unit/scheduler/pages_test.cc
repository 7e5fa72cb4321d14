// SPDX-License-Identifier: Apache-2.0
// No page of a list outgrows what gRPC takes, and the next one goes on where it was cut.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/limits.h"
#include "base/uuid.h"
#include "support/eventually.h"
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

class PagesTest : public SchedulerTest {
 protected:
  // 62 labels with the longest keys and values: some 16 kB.
  static void add_long_labels(google::protobuf::Map<std::string, std::string>& labels) {
    for (int i = 0; i + 2 < static_cast<int>(limits::kLabelsMax); ++i) {
      const std::string number = std::to_string(100 + i);
      labels["k" + number + std::string(limits::kNameMaxBytes - 4, 'k')] =
          std::string(limits::kNameMaxBytes, 'v');
    }
  }
  // All ids, page by page; each page is far below gRPC's limit.
  std::vector<std::string> list_all(v1::ListJobsRequest request, int& pages) {
    std::vector<std::string> ids;
    pages = 0;
    request.set_page_size(static_cast<int>(limits::kPageSizeMax));
    do {
      v1::ListJobsResponse page;
      const grpc::Status status = jobs_->ListJobs(context().get(), request, &page);
      EXPECT_TRUE(status.ok()) << status.error_message();
      if (!status.ok()) break;
      EXPECT_LE(page.ByteSizeLong(), limits::kPageMaxBytes + limits::kKiB);
      for (const v1::Job& job : page.jobs()) ids.push_back(job.job_id());
      request.set_page_token(page.next_page_token());
      ++pages;
    } while (!request.page_token().empty());
    return ids;
  }
};

TEST_F(PagesTest, JobsWithManyLongLabels) {
  std::vector<std::string> submitted;
  for (int round = 0; round < 4; ++round) {
    v1::SubmitJobsRequest request;
    for (int i = 0; i < 100; ++i) {
      *request.add_specs() = spec();
      add_long_labels(*request.mutable_specs(i)->mutable_labels());
    }
    v1::SubmitJobsResponse response;
    ASSERT_TRUE(jobs_->SubmitJobs(context().get(), request, &response).ok());
    submitted.insert(submitted.begin(), response.job_ids().rbegin(), response.job_ids().rend());
  }
  int pages = 0;
  EXPECT_EQ(list_all({}, pages), submitted);
  EXPECT_GT(pages, 3);
}

TEST_F(PagesTest, TasksOfALargeSpec) {
  v1::JobSpec large = spec();
  large.add_argv(std::string(100 * limits::kKiB, 'x'));
  large.mutable_array()->set_count(200);
  v1::ListJobsRequest request;
  request.set_part_of(submit(large));
  int pages = 0;
  const std::vector<std::string> ids = list_all(request, pages);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 200U);
  EXPECT_EQ(ids.size(), 200U);
  EXPECT_GT(pages, 9);
}

// As RetryJob submits: the indexes of what did not succeed.
TEST_F(PagesTest, TasksOfAnArrayWithManyIndexes) {
  v1::JobSpec many = spec();
  many.set_hold(true);
  many.mutable_array()->set_count(limits::kPartsMax);
  for (int index = 0; index < 5000; ++index) many.mutable_array()->add_indexes(index);
  v1::ListJobsRequest request;
  request.set_part_of(submit(many));
  int pages = 0;
  EXPECT_EQ(list_all(request, pages).size(), 5000U);
  EXPECT_GT(pages, 20);
}

TEST_F(PagesTest, WorkersWithManyLongLabels) {
  std::set<std::string> ids;
  for (int i = 0; i < 150; ++i) {
    const std::string id = "11111111-0000-4000-8000-000000000" + std::to_string(100 + i);
    test::FakeWorker worker(id, "w" + std::to_string(i),
                            folder_.path() + "/w" + std::to_string(i) + ".sock");
    google::protobuf::Map<std::string, std::string> labels;
    add_long_labels(labels);
    worker.set_labels(labels);
    worker.serve();
    add_worker(worker);
    ids.insert(id);
  }
  std::set<std::string> listed;
  v1::ListWorkersRequest request;
  request.set_page_size(static_cast<int>(limits::kPageSizeMax));
  int pages = 0;
  do {
    v1::ListWorkersResponse page;
    ASSERT_TRUE(operator_->ListWorkers(context().get(), request, &page).ok());
    EXPECT_LE(page.ByteSizeLong(), limits::kPageMaxBytes + limits::kKiB);
    for (const v1::Worker& worker : page.workers())
      EXPECT_TRUE(listed.insert(worker.worker_id()).second);
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, ids);
  EXPECT_GT(pages, 1);
}

TEST_F(PagesTest, OrphansOfLongPaths) {
  std::set<std::string> held;
  test::FakeWorker worker(kWorkerOne, "one", folder_.path() + "/one.sock");
  for (std::size_t i = 0; i < limits::kOrphansMax; ++i) {
    v1::Attempt attempt;
    attempt.set_job_id(Uuid::random().str());
    attempt.set_number(1);
    attempt.set_state(v1::JOB_STATE_RUNNING);
    attempt.set_cgroup("/" + std::string(limits::kPathMaxBytes - 1, 'c'));
    worker.hold(attempt);
    held.insert(attempt.job_id());
  }
  worker.serve();
  add_worker(worker);
  std::set<std::string> listed;
  int pages = 0;
  const auto list = [&] {
    listed.clear();
    pages = 0;
    v1::ListOrphansRequest request;
    request.set_page_size(static_cast<int>(limits::kPageSizeMax));
    do {
      v1::ListOrphansResponse page;
      const grpc::Status status = operator_->ListOrphans(context().get(), request, &page);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_LE(page.ByteSizeLong(), limits::kPageMaxBytes + limits::kKiB);
      for (const v1::Attempt& attempt : page.orphans())
        EXPECT_TRUE(listed.insert(attempt.job_id()).second) << "twice";
      request.set_page_token(page.next_page_token());
      ++pages;
    } while (!request.page_token().empty());
  };
  EXPECT_TRUE(test::eventually([&] {
    list();
    return listed.size() == held.size();
  }));
  EXPECT_EQ(listed, held);
  EXPECT_GT(pages, 1);
}

}  // namespace
}  // namespace takt::scheduler
