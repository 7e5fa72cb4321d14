// SPDX-License-Identifier: Apache-2.0
// WatchJobs and ReadOutput over bad days.
#include "unit/scheduler/scheduler_fixture.h"

namespace takt::scheduler {
namespace {

struct Output {
  std::string text;
  bool complete = false;
  grpc::Status status;
};

class StreamsTest : public SchedulerTest {
 protected:
  // Reads until the stream ends; `on_chunk` is called after each piece.
  Output read(const std::string& job, bool follow, std::int64_t offset = 0,
              const std::function<void(const std::string&)>& on_chunk = {}) {
    v1::ReadOutputRequest request;
    request.set_job_id(job);
    request.set_follow(follow);
    request.set_stdout_offset(offset);
    const auto call = context();
    const auto stream = jobs_->ReadOutput(call.get(), request);
    Output output;
    v1::ReadOutputResponse message;
    while (stream->Read(&message)) {
      if (message.has_chunk()) {
        EXPECT_EQ(message.chunk().offset(), offset + static_cast<std::int64_t>(output.text.size()));
        output.text += message.chunk().data();
        if (on_chunk) on_chunk(output.text);
      }
      output.complete = output.complete || message.complete();
    }
    output.status = stream->Finish();
    return output;
  }
};

TEST_F(StreamsTest, AWatchGoesOnAtARevisionWithoutGapOrDouble) {
  const auto worker = make_worker(kWorkerOne, "one");
  worker->on_start(test::FakeWorker::OnStart::kSucceed);
  for (int at = 0; at < 20; ++at) submit(spec());
  const std::string last = submit(spec());
  watch_until(last, v1::JOB_STATE_SUCCEEDED);
  std::vector<std::int64_t> revisions;
  std::int64_t after = 0;
  // Two at a time, then broken off; one job comes in between.
  for (int round = 0; round < 40; ++round) {
    v1::WatchJobsRequest request;
    request.set_after_revision(after);
    const auto call = context();
    const auto stream = jobs_->WatchJobs(call.get(), request);
    v1::WatchJobsResponse message;
    for (int at = 0; at < 2 && stream->Read(&message); ++at) {
      ASSERT_TRUE(message.has_event());
      revisions.push_back(message.revision());
      after = message.revision();
    }
    call->TryCancel();
    if (round == 20) submit(spec());
  }
  ASSERT_EQ(revisions.size(), 80U);
  for (std::size_t at = 1; at < revisions.size(); ++at)
    EXPECT_EQ(revisions[at], revisions[at - 1] + 1);
}

TEST_F(StreamsTest, AWatchThatReadsLateGetsAllThatCameMeanwhile) {
  v1::JobSpec held = spec("held");
  held.set_hold(true);
  const std::string job = submit(held);
  v1::WatchJobsRequest all;
  all.set_from_now(true);
  v1::WatchJobsRequest one = all;
  one.add_job_ids(job);
  const auto of_all = context();
  const auto of_one = context();
  const auto all_jobs = jobs_->WatchJobs(of_all.get(), all);
  const auto one_job = jobs_->WatchJobs(of_one.get(), one);
  v1::WatchJobsResponse message;
  ASSERT_TRUE(all_jobs->Read(&message));
  const std::int64_t begin = message.revision();
  ASSERT_TRUE(one_job->Read(&message));
  // More in one commit, and in all, than is kept for a stream.
  v1::JobSpec array = spec("array");
  for (const int tasks : {5000, 1000, 10, 5000}) {
    array.mutable_array()->set_count(tasks);
    submit(array);
  }
  stop_job(job, "");
  std::int64_t revision = begin;
  while (revision < begin + 11015 && all_jobs->Read(&message)) {
    if (!message.has_event()) continue;
    ASSERT_EQ(message.revision(), revision + 1);
    revision = message.revision();
  }
  EXPECT_EQ(message.event().job_id(), job);
  EXPECT_EQ(message.event().state(), v1::JOB_STATE_STOPPED);
  of_all->TryCancel();
  message.Clear();
  while (!message.has_event() && one_job->Read(&message)) {
  }
  EXPECT_EQ(message.event().job_id(), job);
  EXPECT_EQ(message.event().state(), v1::JOB_STATE_STOPPED);
  of_one->TryCancel();
}

TEST_F(StreamsTest, AnIdleWatchGetsSignsOfLifeAndAFutureOneIsRefused) {
  const std::string job = submit(spec());
  v1::WatchJobsRequest request;
  const std::int64_t newest = get(job).revision();
  request.set_after_revision(newest);
  const auto call = context();
  const auto stream = jobs_->WatchJobs(call.get(), request);
  v1::WatchJobsResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_FALSE(message.has_event());
  EXPECT_EQ(message.revision(), newest);
  call->TryCancel();
  request.set_after_revision(newest + 99);
  const auto later = context();
  const auto refused = jobs_->WatchJobs(later.get(), request);
  EXPECT_FALSE(refused->Read(&message));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(StreamsTest, AWatchFromNowTellsWhereThatIsAndOnlyWhatComes) {
  const std::string before = submit(spec());
  v1::WatchJobsRequest request;
  request.set_from_now(true);
  request.set_after_revision(99);  // counts for nothing
  const auto call = context();
  const auto stream = jobs_->WatchJobs(call.get(), request);
  v1::WatchJobsResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_FALSE(message.has_event());
  EXPECT_EQ(message.revision(), get(before).revision());
  const std::string after = submit(spec());
  while (stream->Read(&message) && !message.has_event()) {
  }
  EXPECT_EQ(message.event().job_id(), after);
}

TEST_F(StreamsTest, WhereTheHistoryEndsIsTold) {
  const std::string job = submit(spec());
  v1::WatchJobsRequest request;
  const auto call = context();
  const auto stream = jobs_->WatchJobs(call.get(), request);
  v1::WatchJobsResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.event().job_id(), job);
  const std::int64_t revision = message.revision();
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_FALSE(message.has_event());
  EXPECT_EQ(message.revision(), revision);
}

TEST_F(StreamsTest, AWatchEndsWithUnavailableWhenTheSchedulerGoes) {
  submit(spec());
  v1::WatchJobsRequest request;
  const auto call = context();
  const auto stream = jobs_->WatchJobs(call.get(), request);
  v1::WatchJobsResponse message;
  ASSERT_TRUE(stream->Read(&message));
  std::thread stopper([this] { stop(); });
  while (stream->Read(&message)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

TEST_F(StreamsTest, OutputIsReadOnWhereABrokenStreamLeftOff) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  worker->write(job, "0123456789abcdef");
  worker->break_output_after(2);
  const Output output = read(job, true, 0, [&](const std::string& text) {
    if (text.size() == 16) {
      worker->write(job, "more");
      worker->end(job, 0);
    }
  });
  EXPECT_EQ(output.text, "0123456789abcdefmore");
  EXPECT_TRUE(output.complete);
  EXPECT_TRUE(output.status.ok()) << output.status.error_message();
  EXPECT_EQ(worker->output_streams(), 2);
  EXPECT_EQ(read(job, false, 16).text, "more");
  EXPECT_TRUE(read(job, false, 20).complete);
}

TEST_F(StreamsTest, OutputIsFollowedThroughAWorkersRestart) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  worker->write(job, "before, ");
  bool died = false;
  const Output output = read(job, true, 0, [&](const std::string& text) {
    if (text != "before, " || std::exchange(died, true)) return;
    worker->die();
    worker->write(job, "after");
    worker->end(job, 0);
    worker->serve();
  });
  EXPECT_EQ(output.text, "before, after");
  EXPECT_TRUE(output.complete);
}

TEST_F(StreamsTest, AFollowMayBeginBeforeTheJobStarts) {
  const std::string job = submit(spec("early"));
  Output output;
  std::thread follower([&] { output = read("early", true); });
  const auto worker = make_worker(kWorkerOne, "one");
  watch_until(job, v1::JOB_STATE_RUNNING);
  worker->write(job, "hello");
  worker->end(job, 0);
  follower.join();
  EXPECT_EQ(output.text, "hello");
  EXPECT_TRUE(output.complete);
}

TEST_F(StreamsTest, AJobThatNeverRanHasNoOutputAtAll) {
  const std::string job = submit(spec());
  EXPECT_TRUE(read(job, false).status.ok()) << "it waits; without follow that is all";
  EXPECT_FALSE(read(job, false).complete);
  Output output;
  std::thread follower([&] { output = read(job, true); });
  stop_job(job, "");
  follower.join();
  EXPECT_TRUE(output.complete);
  EXPECT_EQ(output.text, "");
  EXPECT_TRUE(read(job, true).complete);
  EXPECT_EQ(read("01234567-0000-4000-8000-000000000000", true).status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(StreamsTest, AnEndedJobsWorkerOutOfReachIsSaid) {
  const auto worker = make_worker(kWorkerOne, "one");
  const std::string job = submit(spec());
  watch_until(job, v1::JOB_STATE_RUNNING);
  worker->end(job, 0);
  watch_until(job, v1::JOB_STATE_SUCCEEDED);
  worker->die();
  const Output output = read(job, true);
  EXPECT_EQ(output.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_NE(output.status.error_message().find("out of reach"), std::string::npos);
}

}  // namespace
}  // namespace takt::scheduler
