// SPDX-License-Identifier: Apache-2.0
#include "scheduler/watch.h"

#include <algorithm>
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

std::unordered_set<Uuid> jobs_of(const std::vector<store::JobChange>& changes) {
  std::unordered_set<Uuid> jobs;
  for (const store::JobChange& change : changes) jobs.insert(change.job_id);
  return jobs;
}

}  // namespace

JobChanges::JobChanges(std::vector<store::JobChange> its_changes)
    : changes(std::move(its_changes)), jobs(jobs_of(changes)) {}

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

bool Watch::concerns(const JobChanges& changes) const {
  if (jobs_.empty()) return !changes.changes.empty();
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [&changes](const Uuid& job) { return changes.jobs.contains(job); });
}

// The next change that the stream is about, as an event. Under the lock.
std::optional<v1::WatchJobsResponse> Watch::take_next() {
  while (!queue_.empty()) {
    const JobChangesPtr of = queue_.front().of;
    std::size_t& next = queue_.front().next;
    while (next < of->changes.size()) {
      const store::JobChange& change = of->changes[next++];
      if (!jobs_.empty() && !jobs_.contains(change.job_id)) continue;
      if (next == of->changes.size()) queue_.pop_front();
      return to_response(viewer_.as_seen(change));
    }
    queue_.pop_front();
  }
  return std::nullopt;
}

// Drops what waits if `more` changes are too many beside it; true if it did. Under the lock.
bool Watch::fall_back(std::size_t more) {
  if (queue_.empty()) return false;
  for (const Waiting& waiting : queue_) more += waiting.of->changes.size() - waiting.next;
  if (more <= limits::kWatchQueueMax) return false;
  const Waiting& first = queue_.front();
  cursor_ = first.of->changes[first.next].revision - 1;
  queue_.clear();
  live_ = false;
  return true;
}

void Watch::on_wanted() {
  std::optional<v1::WatchJobsResponse> next;
  bool ask = false;
  {
    const std::lock_guard lock(mutex_);
    next = take_next();
    if (!next) {
      wanted_ = true;
      ask = !live_ && !std::exchange(hungry_, true);
    }
  }
  if (next) writer_->give(std::move(*next));
  if (ask) events_.on_hungry(shared_from_this());
}

bool Watch::feed(const JobChangesPtr& changes, std::int64_t up_to) {
  std::optional<v1::WatchJobsResponse> next;
  bool ask = false;
  {
    const std::lock_guard lock(mutex_);
    hungry_ = false;
    const bool is_of_it = concerns(*changes);
    if (live_ && is_of_it && fall_back(changes->changes.size())) return false;
    cursor_ = up_to;
    if (is_of_it) queue_.push_back({changes, 0});
    if (wanted_) next = take_next();
    if (next) wanted_ = false;
    // History without anything for this reader: on to the next page.
    if (wanted_ && !live_) ask = hungry_ = true;
  }
  if (next) writer_->give(std::move(*next));
  if (ask) events_.on_hungry(shared_from_this());
  return true;
}

void Watch::finish(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
  }
  writer_->finish(status);
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
