// SPDX-License-Identifier: Apache-2.0
#include "cli/watch.h"

#include <algorithm>

#include "cli/text.h"

namespace takt::cli {
namespace {

Error interrupted() { return make_error(ErrorCode::kCancelled, "interrupted"); }

}  // namespace

EndWatcher::EndWatcher(Client& client, Console& console, std::function<void(const v1::Job&)> told)
    : client_(client), told_(std::move(told)), outage_(console) {}

void EndWatcher::add(const v1::Job& job) {
  if (ended(job)) {
    revisions_.erase(job.job_id());
    told_(job);
    return;
  }
  revisions_[job.job_id()] = job.revision();
}

// Watches for changes; what broke the stream only decides how soon the jobs are read again.
Result<void> EndWatcher::run() {
  while (!revisions_.empty()) {
    const grpc::Status status = watch();
    if (client_.interrupts().pending()) return interrupted();
    if (revisions_.empty()) break;
    const bool gone = status.error_code() == grpc::StatusCode::OUT_OF_RANGE;
    const bool passing = status.ok() || gone || may_repeat(status) ||
                         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    if (!passing) return rpc::from_status(status);
    const std::string what =
        status.ok() ? "the watch ended" : printable(rpc::from_status(status).message);
    if (!outage_.wait(client_.interrupts(), what))
      return make_error(ErrorCode::kUnavailable, "contact was lost for too long (" + what + ")");
    if (auto fresh = refresh(); !fresh) return fresh;
  }
  return {};
}

Result<void> EndWatcher::refresh() {
  std::vector<std::string> ids;
  for (const auto& [id, revision] : revisions_) ids.push_back(id);
  for (const std::string& id : ids) {
    bool reached = true;
    if (auto read = refresh_one(id, reached); !read) return read;
    if (!reached) break;
  }
  return {};
}

Result<void> EndWatcher::refresh_one(const std::string& id, bool& reached) {
  const auto job = client_.get_job(id, limits::kClientTellAfter);
  if (job) {
    outage_.over();
    add(*job);
    return {};
  }
  if (client_.interrupts().pending()) return interrupted();
  reached = false;
  if (out_of_reach(job.error())) return {};
  return job.error();
}

grpc::Status EndWatcher::watch() {
  v1::WatchJobsRequest request;
  std::int64_t after = revisions_.begin()->second;
  for (const auto& [id, revision] : revisions_) {
    request.add_job_ids(id);
    after = std::min(after, revision);
  }
  request.set_after_revision(after);
  grpc::ClientContext context;
  context.set_wait_for_ready(false);
  const Interrupts::Call guard(client_.interrupts(), context);
  const auto reader = client_.jobs().WatchJobs(&context, request);
  v1::WatchJobsResponse change;
  bool doubt = false;
  while (!revisions_.empty() && !doubt && reader->Read(&change)) {
    outage_.over();
    const std::string& id = change.event().job_id();
    const auto waiting = revisions_.find(id);
    if (!change.has_event() || waiting == revisions_.end()) continue;
    waiting->second = std::max(waiting->second, change.revision());
    if (!change.event().has_end()) continue;
    bool reached = true;
    doubt = !refresh_one(id, reached) || revisions_.contains(id);
  }
  context.TryCancel();
  const grpc::Status status = reader->Finish();
  return doubt ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the job could not be read") : status;
}

}  // namespace takt::cli
