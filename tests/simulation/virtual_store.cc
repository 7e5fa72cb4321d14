// SPDX-License-Identifier: Apache-2.0
// In the place of store/writer_thread.cc and store/reader_thread.cc: the same queues, without
// threads. A commit takes what waits when it begins, and is on disk when it ends; a read happens at
// one moment, some time after it was asked for. A scheduler that dies takes with it what has not
// ended.
#include <memory>
#include <utility>

#include "base/limits.h"
#include "simulation/scheduler.h"
#include "simulation/world.h"
#include "store/connection.h"
#include "store/reader.h"
#include "store/writer.h"

namespace takt::store {
namespace {

using namespace std::chrono_literals;

nanoseconds commit_time() {
  sim::World& world = sim::World::the();
  return world.chance(0.02) ? world.between(50ms, 3s) : world.between(100us, 10ms);
}

nanoseconds read_time() {
  sim::World& world = sim::World::the();
  return world.chance(0.02) ? world.between(20ms, 1s) : world.between(20us, 2ms);
}

// Where another scheduler has taken the store over, a commit has to fail.
bool is_fence(const Error& failure) {
  return sim::is_overtaken() && failure.code == ErrorCode::kFailedPrecondition;
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, std::size_t event_history_max,
               const HistoryLimits& history)
    : connection_(std::move(connection)),
      trimmer_(event_history_max),
      purge_(history),
      clock_(clock_of(*connection_)) {}

Writer::~Writer() = default;

bool Writer::commit(Batch batch, Committed done) {
  if (items_.size() >= limits::kWriterBatchesMax) return false;
  items_.push_back({std::move(batch), std::move(done), {}});
  run();
  return true;
}

void Writer::reload(Loaded done) {
  items_.push_back({{}, {}, std::move(done)});
  run();
}

void Writer::set_history(const HistoryLimits& limits) { purge_.set_limits(limits); }

std::size_t Writer::waiting() const { return items_.size(); }

bool Writer::take(std::vector<Item>& items) {
  if (items_.empty()) return false;
  do {
    items.push_back(std::move(items_.front()));
    items_.pop_front();
  } while (!items_.empty() && !items_.front().loaded && !items.back().loaded);
  return true;
}

// Begins what waits, up to a reload, if nothing is under way, which is what `stopping_` stands for
// here.
void Writer::run() {
  auto items = std::make_shared<std::vector<Item>>();
  if (stopping_ || !take(*items)) return;
  stopping_ = true;
  sim::in_scheduler(commit_time(), [this, items] {
    stopping_ = false;
    if (items->back().loaded) {
      reload_now(items->back());
    } else {
      if (sim::is_planted(sim::Plant::kNoFence))
        connection_->set_epoch(
            connection_->number_of("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'"));
      const bool fails = !failure_ && sim::commit_fails();
      // What is said to have failed may be on the disk all the same.
      const bool is_there = fails && !sim::is_overtaken() && sim::World::the().chance(0.5);
      if (is_there)
        if (const auto done = commit_items(*items); !done)
          sim::World::the().broken(done.error().message);
      if (fails) failure_ = make_error(ErrorCode::kUnavailable, "the simulated disk fails");
      const bool had_failed = failure_.has_value();
      commit_run(*items);
      purge_if_due();
      if (failure_ && !had_failed && !is_fence(*failure_))
        sim::World::the().broken(failure_->message);
      for (const Item& item : *items)
        if (!failure_ || is_there) sim::on_committed(item.batch);
    }
    run();
  });
}

Reader::Reader(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

Reader::~Reader() = default;

// While it waits, the first one has not begun either.
Result<void> Reader::post(const Asker& asker, ReadTask task) {
  const bool idle = queue_.empty();
  if (auto pushed = queue_.push(asker, std::move(task)); !pushed) return pushed;
  sim::count_reads(1);
  if (idle) sim::in_scheduler(read_time(), [this] { run(); });
  return {};
}

ReadUse Reader::use(const std::string& account, bool is_operator) {
  return queue_.use(account, is_operator);
}

void Reader::run() {
  const DueRead read = queue_.pop();
  sim::count_reads(-1);
  if (!queue_.empty()) sim::in_scheduler(read_time(), [this] { run(); });
  read.task(connection_.get());
}

}  // namespace takt::store
