// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/fake_scheduler.h"

#include <fcntl.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdint>

#include "base/fs.h"
#include "rpc/status.h"

namespace takt::cli {

// One call of ReadOutput under way.
struct FakeScheduler::Stream {
  grpc::ServerWriter<v1::ReadOutputResponse>* writer;
  const v1::ReadOutputRequest* request;
  std::int64_t out_at = 0;
  std::int64_t err_at = 0;
  std::size_t sent = 0;
  std::size_t sent_most = std::string::npos;
};

v1::JobEnd exited(int code) {
  v1::JobEnd end;
  end.set_cause(v1::END_CAUSE_EXITED);
  end.set_exit_code(code);
  return end;
}

FakeScheduler::FakeScheduler() {
  char folder[] = "/tmp/takt-cli-test-XXXXXX";
  folder_ = ::mkdtemp(folder);
  job_.set_job_id(kJobId);
  job_.set_revision(7);
  job_.set_state(v1::JOB_STATE_RUNNING);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
  builder.RegisterService(static_cast<v1::JobService::Service*>(this));
  builder.RegisterService(static_cast<v1::OperatorService::Service*>(this));
  server_ = builder.BuildAndStart();
}

FakeScheduler::~FakeScheduler() {
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
  EXPECT_TRUE(remove_tree(AT_FDCWD, folder_).ok());
}

void FakeScheduler::set_job(const v1::Job& job) {
  const std::lock_guard lock(mutex_);
  job_ = job;
  changed_.notify_all();
}

void FakeScheduler::end_job(const v1::JobEnd& end) {
  const std::lock_guard lock(mutex_);
  *job_.mutable_end() = end;
  job_.set_revision(job_.revision() + 1);
  job_.set_state(v1::JOB_STATE_FAILED);
  changed_.notify_all();
}

void FakeScheduler::stop_refusing() {
  const std::lock_guard lock(mutex_);
  refusals.clear();
}

void FakeScheduler::wait_for_stops(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stops.size() >= count; });
}

grpc::Status FakeScheduler::take_refusal() {
  if (refusals.empty()) return grpc::Status::OK;
  const grpc::Status status = refusals.front();
  refusals.pop_front();
  return status;
}

grpc::Status FakeScheduler::SubmitJob(grpc::ServerContext*, const v1::SubmitJobRequest* request,
                                      v1::SubmitJobResponse* response) {
  const std::lock_guard lock(mutex_);
  submits.push_back(*request);
  if (auto refused = take_refusal(); !refused.ok()) return refused;
  response->set_job_id(job_.job_id());
  response->set_revision(job_.revision());
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                                   v1::GetJobResponse* response) {
  const std::lock_guard lock(mutex_);
  if (auto refused = take_refusal(); !refused.ok()) return refused;
  const auto named = std::find_if(listed.begin(), listed.end(), [&](const v1::Job& job) {
    return job.job_id() == request->job_id();
  });
  if (named != listed.end()) {
    *response->mutable_job() = *named;
    return grpc::Status::OK;
  }
  if (!job_.job_id().starts_with(request->job_id()))
    return rpc::to_status(
        make_error(ErrorCode::kNotFound, "there is no job \"" + request->job_id() + "\""));
  *response->mutable_job() = job_;
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) {
  const std::lock_guard lock(mutex_);
  lists.push_back(*request);
  if (auto refused = take_refusal(); !refused.ok()) return refused;
  // Two jobs a page, whatever was asked for.
  const std::size_t from = request->page_token().size() * 2;
  for (std::size_t i = from; i < std::min(from + 2, listed.size()); ++i)
    *response->add_jobs() = listed[i];
  if (from + 2 < listed.size()) response->set_next_page_token(request->page_token() + "x");
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::CountJobs(grpc::ServerContext*, const v1::CountJobsRequest*,
                                      v1::CountJobsResponse* response) {
  const std::lock_guard lock(mutex_);
  if (auto refused = take_refusal(); !refused.ok()) return refused;
  *response = counts;
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::GetLimits(grpc::ServerContext*, const v1::GetLimitsRequest* request,
                                      v1::GetLimitsResponse* response) {
  const std::lock_guard lock(mutex_);
  if (auto refused = take_refusal(); !refused.ok()) return refused;
  *response = limits;
  if (!request->account().empty()) response->set_account(request->account());
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::StopJob(grpc::ServerContext*, const v1::StopJobRequest* request,
                                    v1::StopJobResponse* response) {
  {
    const std::lock_guard lock(mutex_);
    if (auto refused = take_refusal(); !refused.ok()) return refused;
    stops.push_back(*request);
    response->set_job_id(job_.job_id());
    response->set_state(v1::JOB_STATE_ENDING);
    changed_.notify_all();
  }
  if (!stop_ends) return grpc::Status::OK;
  v1::JobEnd end;
  end.set_cause(v1::END_CAUSE_STOPPED);
  end.set_message("stopped by user alice");
  end_job(end);
  return grpc::Status::OK;
}

// Until the job has ended; false if the caller is gone first.
bool FakeScheduler::wait_for_end(std::unique_lock<std::mutex>& lock, grpc::ServerContext& context) {
  while (!job_.has_end() && !context.IsCancelled())
    changed_.wait_for(lock, std::chrono::milliseconds(2));
  return job_.has_end();
}

// Those between the two revisions; false if the stream is to break.
bool FakeScheduler::send_changes(const v1::WatchJobsRequest& request, std::int64_t from,
                                 std::int64_t to,
                                 grpc::ServerWriter<v1::WatchJobsResponse>& writer) {
  std::size_t sent = 0;
  for (const v1::WatchJobsResponse& change : changes) {
    const auto& ids = request.job_ids();
    const bool wanted =
        ids.empty() || std::find(ids.begin(), ids.end(), change.event().job_id()) != ids.end();
    if (!wanted || change.revision() <= from || change.revision() > to) continue;
    if (changes_a_stream > 0 && sent++ == changes_a_stream) return false;
    writer.Write(change);
  }
  return true;
}

grpc::Status FakeScheduler::WatchJobs(grpc::ServerContext* context,
                                      const v1::WatchJobsRequest* request,
                                      grpc::ServerWriter<v1::WatchJobsResponse>* writer) {
  std::unique_lock lock(mutex_);
  watches.push_back(*request);
  if (!watch_breaks.empty()) {
    const grpc::StatusCode code = watch_breaks.front();
    watch_breaks.pop_front();
    return {code, watch_break_text};
  }
  if (end_by_watch) {
    *job_.mutable_end() = exited(0);
    job_.set_revision(job_.revision() + 1);
  }
  const std::int64_t from = request->from_now() ? present : request->after_revision();
  const grpc::Status broken(grpc::StatusCode::RESOURCE_EXHAUSTED, "too slow");
  v1::WatchJobsResponse alive;
  alive.set_revision(std::max(from, present));
  if (!send_changes(*request, from, present, *writer)) return broken;
  writer->Write(alive);
  if (!send_changes(*request, alive.revision(), INT64_MAX, *writer)) return broken;
  while (beats && !context->IsCancelled()) {
    writer->Write(alive);
    changed_.wait_for(lock, std::chrono::milliseconds(2));
  }
  if (!wait_for_end(lock, *context)) return grpc::Status::CANCELLED;
  v1::WatchJobsResponse change;
  change.set_revision(job_.revision());
  change.mutable_event()->set_job_id(job_.job_id());
  *change.mutable_event()->mutable_end() = job_.end();
  writer->Write(change);
  while (!context->IsCancelled()) changed_.wait_for(lock, std::chrono::milliseconds(2));
  return grpc::Status::CANCELLED;
}

// A piece of the stream that is further behind; false if all is sent or the stream is to break.
bool FakeScheduler::send_next(Stream& stream) {
  const auto rest = [](const std::string& text, std::int64_t at) {
    return text.size() - std::min(text.size(), static_cast<std::size_t>(at));
  };
  const v1::OutputStream only = stream.request->stream();
  if (stream.out_at >= missing_from && stream.out_at < missing_to) stream.out_at = missing_to;
  const std::size_t out_rest = only == v1::OUTPUT_STREAM_STDERR ? 0 : rest(out, stream.out_at);
  const std::size_t err_rest = only == v1::OUTPUT_STREAM_STDOUT ? 0 : rest(err, stream.err_at);
  const bool error = err_rest > out_rest;
  std::int64_t& at = error ? stream.err_at : stream.out_at;
  std::size_t size =
      std::min({chunk_bytes, error ? err_rest : out_rest, stream.sent_most - stream.sent});
  if (!error && at < missing_from)
    size = std::min(size, static_cast<std::size_t>(missing_from - at));
  if (size == 0) return false;
  v1::ReadOutputResponse piece;
  piece.set_attempt(1);
  piece.mutable_chunk()->set_stream(error ? v1::OUTPUT_STREAM_STDERR : v1::OUTPUT_STREAM_STDOUT);
  piece.mutable_chunk()->set_offset(at);
  piece.mutable_chunk()->set_data((error ? err : out).substr(static_cast<std::size_t>(at), size));
  at += static_cast<std::int64_t>(size);
  stream.sent += size;
  return stream.writer->Write(piece);
}

grpc::Status FakeScheduler::ReadOutput(grpc::ServerContext* context,
                                       const v1::ReadOutputRequest* request,
                                       grpc::ServerWriter<v1::ReadOutputResponse>* writer) {
  std::unique_lock lock(mutex_);
  reads.push_back(*request);
  for (const v1::ReadOutputResponse& message : messages) writer->Write(message);
  const std::int64_t back = repeat_bytes ? 10 : 0;
  Stream stream{.writer = writer,
                .request = request,
                .out_at = std::max<std::int64_t>(request->stdout_offset() - back, 0),
                .err_at = std::max<std::int64_t>(request->stderr_offset() - back, 0)};
  if (request->has_tail_lines() || request->has_since_time()) {
    v1::ReadOutputResponse begin;
    begin.mutable_start()->set_stdout_offset(out_start);
    writer->Write(begin);
    stream.out_at = out_start;
  }
  grpc::Status broken = grpc::Status::OK;
  if (!output_breaks.empty()) {
    stream.sent_most = output_breaks.front().after_bytes;
    broken = grpc::Status(output_breaks.front().code, "broken");
    output_breaks.pop_front();
  }
  const bool breaks = stream.sent_most != std::string::npos;
  while (send_next(stream)) {
  }
  if (breaks) return broken;
  if (!request->follow()) return grpc::Status::OK;
  if (!wait_for_end(lock, *context)) return grpc::Status::CANCELLED;
  v1::ReadOutputResponse last;
  last.set_attempt(1);
  last.set_complete(true);
  writer->Write(last);
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                                        v1::ListWorkersResponse* response) {
  const std::lock_guard lock(mutex_);
  if (auto refused = take_refusal(); !refused.ok()) return refused;
  for (const v1::Worker& worker : workers) *response->add_workers() = worker;
  if (!running.empty()) {
    response->mutable_workers(0)->set_running(running.front());
    running.erase(running.begin());
  }
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::take_other(const std::string& what) {
  if (auto refused = take_refusal(); !refused.ok()) return refused;
  others.push_back(what);
  return grpc::Status::OK;
}

grpc::Status FakeScheduler::HoldJob(grpc::ServerContext*, const v1::HoldJobRequest* request,
                                    v1::HoldJobResponse*) {
  const std::lock_guard lock(mutex_);
  return take_other("HoldJob " + request->job_id());
}

grpc::Status FakeScheduler::ReleaseJob(grpc::ServerContext*, const v1::ReleaseJobRequest* request,
                                       v1::ReleaseJobResponse*) {
  const std::lock_guard lock(mutex_);
  return take_other("ReleaseJob " + request->job_id());
}

grpc::Status FakeScheduler::UpdateJob(grpc::ServerContext*, const v1::UpdateJobRequest* request,
                                      v1::UpdateJobResponse*) {
  const std::lock_guard lock(mutex_);
  update = *request;
  return take_other("UpdateJob " + request->job_id());
}

grpc::Status FakeScheduler::ExplainJob(grpc::ServerContext*, const v1::ExplainJobRequest* request,
                                       v1::ExplainJobResponse* response) {
  const std::lock_guard lock(mutex_);
  *response = explanation;
  return take_other("ExplainJob " + request->job_id());
}

grpc::Status FakeScheduler::PlanJob(grpc::ServerContext*, const v1::PlanJobRequest* request,
                                    v1::PlanJobResponse* response) {
  const std::lock_guard lock(mutex_);
  planned = *request;
  *response = plan;
  return take_other("PlanJob");
}

grpc::Status FakeScheduler::DrainWorker(grpc::ServerContext*, const v1::DrainWorkerRequest* request,
                                        v1::DrainWorkerResponse* response) {
  const std::lock_guard lock(mutex_);
  drain = *request;
  response->mutable_worker()->set_worker_id("w1");
  response->mutable_worker()->set_name(request->worker_id());
  return take_other("DrainWorker " + request->worker_id());
}

grpc::Status FakeScheduler::UndrainWorker(grpc::ServerContext*,
                                          const v1::UndrainWorkerRequest* request,
                                          v1::UndrainWorkerResponse*) {
  const std::lock_guard lock(mutex_);
  return take_other("UndrainWorker " + request->worker_id());
}

grpc::Status FakeScheduler::ForgetWorker(grpc::ServerContext*,
                                         const v1::ForgetWorkerRequest* request,
                                         v1::ForgetWorkerResponse*) {
  const std::lock_guard lock(mutex_);
  return take_other("ForgetWorker " + request->worker_id());
}

grpc::Status FakeScheduler::StopOrphan(grpc::ServerContext*, const v1::StopOrphanRequest* request,
                                       v1::StopOrphanResponse*) {
  const std::lock_guard lock(mutex_);
  return take_other("StopOrphan " + request->job_id() + " " + request->reason());
}

grpc::Status FakeScheduler::AdoptOrphan(grpc::ServerContext*, const v1::AdoptOrphanRequest* request,
                                        v1::AdoptOrphanResponse*) {
  const std::lock_guard lock(mutex_);
  return take_other("AdoptOrphan " + request->job_id());
}

}  // namespace takt::cli
