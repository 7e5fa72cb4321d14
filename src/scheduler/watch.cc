// SPDX-License-Identifier: Apache-2.0
#include "scheduler/watch.h"

#include <utility>

#include "base/limits.h"
#include "rpc/convert.h"
#include "rpc/status.h"

namespace takt::scheduler {
namespace {

v1::WatchJobsResponse to_response(const store::JobChange& change) {
  v1::WatchJobsResponse response;
  response.set_revision(change.revision);
  v1::JobEvent* event = response.mutable_event();
  event->set_job_id(change.job_id.str());
  event->set_state(rpc::state_to_proto(change.state));
  *event->mutable_event_time() = rpc::time_to_proto(change.time);
  event->set_attempt(change.attempt);
  if (!change.worker_id.is_nil()) event->set_worker_id(change.worker_id.str());
  if (change.end) *event->mutable_end() = rpc::end_to_proto(*change.end);
  return response;
}

}  // namespace

std::shared_ptr<Watch> Watch::create(Viewer viewer, std::optional<std::int64_t> after,
                                     std::unordered_set<Uuid> jobs, Events events) {
  std::shared_ptr<Watch> watch(
      new Watch(std::move(viewer), after, std::move(jobs), std::move(events)));
  // The writer holds the watch until the stream is over.
  watch->writer_ =
      Writer::create({[watch] { watch->on_wanted(); }, [watch] { watch->events_.on_end(watch); }});
  return watch;
}

grpc::ServerWriteReactor<v1::WatchJobsResponse>* Watch::start() {
  Writer* const reactor = writer_.get();
  reactor->start();
  return reactor;
}

void Watch::on_wanted() {
  std::optional<v1::WatchJobsResponse> next;
  bool ask = false;
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty()) {
      next = std::move(queue_.front());
      queue_.pop_front();
    } else {
      wanted_ = true;
      ask = !live_ && !std::exchange(hungry_, true);
    }
  }
  if (next) writer_->give(std::move(*next));
  if (ask) events_.on_hungry(shared_from_this());
}

void Watch::feed(const std::vector<store::JobChange>& changes, std::int64_t up_to) {
  cursor_ = up_to;
  std::optional<v1::WatchJobsResponse> next;
  bool ask = false;
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    hungry_ = false;
    for (const store::JobChange& change : changes) {
      if (!jobs_.empty() && !jobs_.contains(change.job_id)) continue;
      full = queue_.size() >= limits::kWatchQueueMax;
      if (full) break;
      queue_.push_back(to_response(viewer_.as_seen(change)));
    }
    if (wanted_ && !queue_.empty()) {
      next = std::move(queue_.front());
      queue_.pop_front();
      wanted_ = false;
    }
    // History without anything for this reader: on to the next page.
    if (wanted_ && !live_) ask = hungry_ = true;
  }
  if (full) {
    return writer_->fail(make_error(ErrorCode::kResourceExhausted,
                                    "the reader is too slow: more events waited than are kept; "
                                    "take it up again after the last revision received"));
  }
  if (next) writer_->give(std::move(*next));
  if (ask) events_.on_hungry(shared_from_this());
}

void Watch::go_live() {
  const std::lock_guard lock(mutex_);
  live_ = true;
  hungry_ = false;
}

void Watch::sign_of_life(std::int64_t revision) {
  {
    const std::lock_guard lock(mutex_);
    if (!wanted_) return;
    wanted_ = false;
  }
  v1::WatchJobsResponse response;
  response.set_revision(revision);
  writer_->give(std::move(response));
}

}  // namespace takt::scheduler
