// SPDX-License-Identifier: Apache-2.0
#include "scheduler/watch_hub.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.h"
#include "rpc/status.h"

namespace takt::scheduler {
namespace {

constexpr std::size_t kHistoryPage = limits::kWatchQueueMax;

grpc::Status history_gone(std::int64_t after, std::int64_t oldest) {
  return {grpc::StatusCode::OUT_OF_RANGE,
          "the history after revision " + std::to_string(after) +
              " is gone; the oldest revision kept is " + std::to_string(oldest) +
              ": list the jobs, then watch after_revision " + std::to_string(oldest - 1)};
}

grpc::Status not_yet(std::int64_t after, std::int64_t newest) {
  return {grpc::StatusCode::OUT_OF_RANGE,
          "after_revision " + std::to_string(after) + " is newer than the newest revision, " +
              std::to_string(newest) + ": list the jobs, then watch from there"};
}

}  // namespace

WatchHub::WatchHub(sd::EventLoop& loop, store::Reader& reader, std::shared_ptr<Mailbox> mailbox,
                   const Ledger& ledger)
    : loop_(loop), reader_(reader), mailbox_(std::move(mailbox)), ledger_(ledger) {}

grpc::ServerWriteReactor<v1::WatchJobsResponse>* WatchHub::watch(Viewer viewer,
                                                                 std::optional<std::int64_t> after,
                                                                 std::unordered_set<Uuid> jobs,
                                                                 rpc::ShareLease share) {
  Watch::Events events;
  events.on_hungry = [this, mailbox = mailbox_](const WatchPtr& watch) {
    mailbox->post([this, watch] { on_hungry(watch); });
  };
  events.on_end = [this, mailbox = mailbox_, share = std::move(share)](const WatchPtr& watch) {
    mailbox->post([this, watch] { on_end(watch); });
  };
  return Watch::create(std::move(viewer), after, std::move(jobs), std::move(events))->start();
}

bool WatchHub::admit(const WatchPtr& watch) {
  if (watches_.contains(watch)) return true;
  if (ended_) {
    watch->finish(rpc::to_status(*ended_));
    return false;
  }
  if (!watch->after()) watch->begin(ledger_.committed_revision());
  if (watch->cursor() > ledger_.committed_revision()) {
    watch->finish(not_yet(watch->cursor(), ledger_.committed_revision()));
    return false;
  }
  watches_.insert(watch);
  if (!beat_) beat_ = loop_.add_timer(nanoseconds(limits::kHeartbeat), [this] { signs_of_life(); });
  return true;
}

void WatchHub::on_hungry(const WatchPtr& watch) {
  if (!admit(watch)) return;
  const std::int64_t newest = ledger_.committed_revision();
  if (watch->cursor() >= newest) {
    // Nothing can be committed between this and the next commit's hook: no gap, no double.
    watch->go_live();
    live_.insert(watch);
    watch->sign_of_life(newest);  // the reader knows where the present begins, and its revision
    return;
  }
  reader_.events({watch->principal(), {}}, watch->cursor(), newest, kHistoryPage,
                 [this, mailbox = mailbox_, watch, newest](Result<store::EventPage> page) {
                   mailbox->post([this, watch, newest, page = std::move(page)]() mutable {
                     on_page(watch, newest, std::move(page));
                   });
                 });
}

void WatchHub::on_page(const WatchPtr& watch, std::int64_t up_to, Result<store::EventPage> page) {
  if (!watches_.contains(watch)) return;
  if (!page) return watch->finish(rpc::to_status(page.error()));
  // after_revision 0 asks for what there is, wherever that begins.
  const bool from_start = watch->cursor() == 0 && watch->after() == 0;
  if (!from_start && page->oldest > watch->cursor() + 1)
    return watch->finish(history_gone(watch->cursor(), page->oldest));
  const bool last = page->changes.size() < kHistoryPage;
  const std::int64_t end = last ? up_to : page->changes.back().revision;
  watch->feed(std::make_shared<const JobChanges>(std::move(page->changes)), end);
}

void WatchHub::on_committed(std::vector<store::JobChange> changes) {
  if (live_.empty()) return;
  const std::int64_t end = changes.back().revision;
  const auto committed = std::make_shared<const JobChanges>(std::move(changes));
  std::erase_if(live_, [&](const WatchPtr& watch) { return !watch->feed(committed, end); });
}

void WatchHub::on_end(const WatchPtr& watch) {
  live_.erase(watch);
  watches_.erase(watch);
}

void WatchHub::end_all(const Error& error, bool for_good) {
  if (for_good) ended_ = error;
  for (const WatchPtr& watch : watches_) watch->finish(rpc::to_status(error));
  live_.clear();
  watches_.clear();
}

void WatchHub::signs_of_life() {
  for (const WatchPtr& watch : live_) watch->sign_of_life(ledger_.committed_revision());
  beat_.reset();
  if (!watches_.empty())
    beat_ = loop_.add_timer(nanoseconds(limits::kHeartbeat), [this] { signs_of_life(); });
}

}  // namespace takt::scheduler
