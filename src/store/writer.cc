// SPDX-License-Identifier: Apache-2.0
// What the writer does with what it took; writer_thread.cc is about when.
#include "store/writer.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include "store/snapshot.h"

namespace takt::store {

DeletionClock clock_of(const Connection& connection) {
  const std::string& path = connection.path();
  return DeletionClock({.directory = path.substr(0, path.rfind('/')), .program = "takt-scheduler"});
}

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
  if (failure_ || begin < purge_rest_) return;
  purge_.keep_old(!clock_.may_delete(purge_.age()));
  if (now < purge_.due()) return;
  const auto removed = purge_.step(*connection_, now);
  const BootTime end = BootClock::now();
  purge_rest_ = end + std::max<nanoseconds>(limits::kPurgePause, 3 * (end - begin));
  if (!removed) {
    log_warning(removed.error().message + "; that is tried again later");
    purge_rest_ = end + limits::kPurgeRoundPause;
    return;
  }
  measure();
  purged_.jobs += removed->jobs;
  purged_.inputs += removed->inputs;
  if (purge_.due() <= now) return;
  const Purge::Gone gone = std::exchange(purged_, {});
  if (gone.jobs > 0) log_info(std::to_string(gone.jobs) + " ended jobs have left the history");
  if (gone.inputs > 0)
    log_notice("the scripts and input of " + std::to_string(gone.inputs) +
               " ended jobs were removed: the store has " +
               format_bytes(static_cast<std::uint64_t>(used_bytes_)) +
               " (store_max in scheduler.conf)");
}

// Nothing depends on it at once, so an error waits for the next statement that matters.
void Writer::measure() {
  const auto used = guarded("cannot measure " + connection_->path(),
                            [this]() -> Result<std::int64_t> { return connection_->used_bytes(); });
  if (!used) return;
  used_bytes_ = *used;
  purge_.set_used(*used);
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
    std::int64_t oldest_ended = std::numeric_limits<std::int64_t>::max();
    std::size_t added = 0;
    for (const Item& item : items) {
      if (added == 0 && !item.batch.jobs.empty())
        HistoryTrimmer::note_gap(*connection_, item.batch.jobs.front().job.revision);
      ended += write_batch(*connection_, item.batch);
      added += item.batch.jobs.size();
      for (const JobWrite& write : item.batch.jobs)
        if (has_ended(write.job.state)) oldest_ended = std::min(oldest_ended, write.number);
      if (!item.batch.jobs.empty()) newest = item.batch.jobs.back().job.revision;
    }
    if (added > 0) trimmer_.trim(*connection_, newest, added);
    connection_->execute("COMMIT");
    purge_.on_ended(ended, oldest_ended);
    return {};
  });
  if (!written) {
    roll_back(*connection_);
  } else {
    measure();
  }
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
