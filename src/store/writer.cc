// SPDX-License-Identifier: Apache-2.0
// What the writer does with what it took; writer_thread.cc is about when.
#include "store/writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "store/snapshot.h"

namespace takt::store {

// None: not before something else happens.
std::optional<nanoseconds> Writer::until_purge() const {
  if (failure_) return std::nullopt;
  const nanoseconds due = time_between(wall_now(), purge_.due());
  const nanoseconds rest = purge_rest_ - BootClock::now();
  // The wall clock may be set meanwhile.
  return std::clamp<nanoseconds>(std::max(due, rest), nanoseconds(0), limits::kWallClockLook);
}

void Writer::purge_if_due() {
  const BootTime begin = BootClock::now();
  const WallTime now = wall_now();
  if (failure_ || begin < purge_rest_ || now < purge_.due()) return;
  const auto removed = purge_.step(*connection_, now);
  const BootTime end = BootClock::now();
  purge_rest_ = end + std::max<nanoseconds>(limits::kPurgePause, 3 * (end - begin));
  if (!removed) {
    log_warning(removed.error().message + "; that is tried again later");
    purge_rest_ = end + limits::kPurgeRoundPause;
    return;
  }
  purged_ += *removed;
  if (purged_ == 0 || purge_.due() <= now) return;
  log_info(std::to_string(std::exchange(purged_, 0)) + " ended jobs have left the history");
}

void Writer::commit_run(std::vector<Item>& items) {
  if (!failure_) {
    if (const auto done = commit_items(items); !done) failure_ = done.error();
  }
  for (Item& item : items) {
    item.done(failure_ ? Result<void>(*failure_) : Result<void>());
  }
}

Result<void> Writer::commit_items(const std::vector<Item>& items) {
  const bool nothing =
      std::all_of(items.begin(), items.end(), [](const Item& item) { return item.batch.empty(); });
  if (nothing) return {};
  auto written = guarded("cannot commit to " + connection_->path(), [&]() -> Result<void> {
    if (auto begun = connection_->begin_write(); !begun) return begun;
    std::int64_t newest = 0;
    std::int64_t ended = 0;
    std::size_t added = 0;
    for (const Item& item : items) {
      if (added == 0 && !item.batch.jobs.empty())
        HistoryTrimmer::note_gap(*connection_, item.batch.jobs.front().job.revision);
      ended += write_batch(*connection_, item.batch);
      added += item.batch.jobs.size();
      if (!item.batch.jobs.empty()) newest = item.batch.jobs.back().job.revision;
    }
    if (added > 0) trimmer_.trim(*connection_, newest, added);
    connection_->execute("COMMIT");
    purge_.on_ended(ended);
    return {};
  });
  if (!written) roll_back(*connection_);
  return written;
}

// Of a database that is still ours.
Result<Snapshot> Writer::load_own() {
  auto ours = guarded("cannot load " + connection_->path(), [&]() -> Result<void> {
    if (auto begun = connection_->begin_write(); !begun) return begun;
    connection_->execute("ROLLBACK");
    return {};
  });
  if (!ours) return ours.error();
  return load_snapshot(*connection_);
}

void Writer::reload_now(const Item& item) {
  Result<Snapshot> snapshot = load_own();
  if (snapshot) {
    failure_.reset();
    purge_.restart();
  }
  item.loaded(std::move(snapshot));
}

}  // namespace takt::store
