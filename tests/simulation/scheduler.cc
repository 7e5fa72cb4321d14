// SPDX-License-Identifier: Apache-2.0
#include "simulation/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace takt::sim {
namespace {

using namespace std::chrono_literals;

Scheduler* g_scheduler = nullptr;

}  // namespace

void in_scheduler(nanoseconds delay, World::Task task) {
  World::the().after(delay, g_scheduler->life_, std::move(task));
}

bool commit_fails() { return World::the().chance(g_scheduler->disk_failures_); }

void on_committed(const store::Batch& batch) { g_scheduler->hooks_.on_committed(batch); }

nanoseconds wake_up_time() {
  World& world = World::the();
  const nanoseconds lag =
      world.chance(0.01) ? world.between(1ms, 100ms) : world.between(2us, 400us);
  return std::max<nanoseconds>(lag, g_scheduler->stalled_until_ - world.now());
}

bool before_wait() {
  g_scheduler->hooks_.on_idle();
  return g_scheduler->dies_ || g_scheduler->is_over();
}

Scheduler::Scheduler(std::string folder, Hooks hooks)
    : folder_(std::move(folder)), hooks_(std::move(hooks)) {
  g_scheduler = this;
  auto credentials = rpc::Credentials::load({});
  TAKT_CHECK(credentials.ok(), "%s", credentials.error().message.c_str());
  credentials_ = std::move(*credentials);
  start();
}

Scheduler::~Scheduler() {
  bury();
  g_scheduler = nullptr;
}

void Scheduler::start() {
  World::the().note("the scheduler starts");
  life_ = new_life();
  auto loop = sd::EventLoop::create();
  TAKT_CHECK(loop.ok(), "%s", loop.error().message.c_str());
  loop_ = std::move(*loop);
  auto store = store::Store::open({.directory = folder_});
  TAKT_CHECK(store.ok(), "%s", store.error().message.c_str());
  store_ = std::move(*store);
  scheduler::CoreOptions options;
  options.begin_session = hooks_.begin_session;
  auto core = scheduler::Core::create(*loop_, *store_, *credentials_, options);
  TAKT_CHECK(core.ok(), "%s", core.error().message.c_str());
  core_ = std::move(*core);
  hooks_.on_started();
}

void Scheduler::bury() {
  life_.reset();
  core_.reset();
  store_.reset();
  loop_.reset();
}

void Scheduler::crash(nanoseconds down) {
  if (core_ == nullptr) return;
  World::the().note("the scheduler dies");
  dies_ = true;
  down_ = down;
}

void Scheduler::run() {
  while (!is_over()) {
    if (core_ == nullptr) {
      hooks_.on_idle();
      World::the().step();
      continue;
    }
    const auto ended = loop_->run();
    TAKT_CHECK(ended.ok(), "%s", ended.error().message.c_str());
    if (!std::exchange(dies_, false)) continue;
    bury();
    World::the().after(down_, [this] {
      if (!is_over()) start();
    });
  }
}

}  // namespace takt::sim
