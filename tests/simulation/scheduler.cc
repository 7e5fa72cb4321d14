// SPDX-License-Identifier: Apache-2.0
#include "simulation/scheduler.h"

#include <unistd.h>

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

bool is_overtaken() { return g_scheduler->next_store_ != nullptr; }

bool is_planted(Plant plant) { return g_scheduler->plant_ == plant; }

void count_reads(std::ptrdiff_t by) {
  g_scheduler->reads_waiting_ =
      static_cast<std::size_t>(static_cast<std::ptrdiff_t>(g_scheduler->reads_waiting_) + by);
}

void on_committed(const store::Batch& batch) {
  if (is_overtaken() && !batch.empty())
    World::the().broken("a scheduler commits to the store that another one has opened since");
  g_scheduler->hooks_.on_committed(batch);
}

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

Scheduler::Scheduler(std::string folder, Hooks hooks, Plant plant)
    : folder_(std::move(folder)), hooks_(std::move(hooks)), plant_(plant) {
  g_scheduler = this;
  auto credentials = rpc::Credentials::load({});
  TAKT_CHECK(credentials.ok(), "%s", credentials.error().message.c_str());
  credentials_ = std::move(*credentials);
  start();
}

Scheduler::~Scheduler() {
  bury();
  next_store_.reset();
  g_scheduler = nullptr;
}

void Scheduler::start() {
  World::the().note("the scheduler starts");
  life_ = new_life();
  auto loop = sd::EventLoop::create();
  TAKT_CHECK(loop.ok(), "%s", loop.error().message.c_str());
  loop_ = std::move(*loop);
  store_ = next_store_ != nullptr ? std::move(next_store_) : open_store();
  rpc::ShareLimits limits;
  limits[rpc::Share::kRequests].of_account = kRequestsOfUser;
  shares_ = std::make_unique<rpc::Shares>(limits);
  scheduler::CoreOptions options;
  options.begin_session = hooks_.begin_session;
  options.policy.jobs_of_user_max = kJobsOfUser;
  options.policy.priority_max = 3;
  auto core = scheduler::Core::create(*loop_, *store_, *credentials_, options);
  TAKT_CHECK(core.ok(), "%s", core.error().message.c_str());
  core_ = std::move(*core);
  hooks_.on_started();
}

std::unique_ptr<store::Store> Scheduler::open_store() const {
  auto store = store::Store::open({.directory = folder_});
  TAKT_CHECK(store.ok(), "%s", store.error().message.c_str());
  return std::move(*store);
}

void Scheduler::bury() {
  life_.reset();
  core_.reset();
  store_.reset();
  loop_.reset();
  kept_.clear();
  shares_.reset();
  reads_waiting_ = 0;
}

void Scheduler::open_a_second_one() {
  if (core_ == nullptr || next_store_ != nullptr) return;
  World& world = World::the();
  world.note("a second scheduler opens the store");
  TAKT_CHECK(::unlink((folder_ + "/lock").c_str()) == 0, "the lock file is there");
  next_store_ = open_store();
  // One that has nothing to commit does not notice.
  world.after(world.between(1s, 60s), life_, [this] { crash(nanoseconds(0)); });
}

Result<rpc::ShareLease> Scheduler::take_share(const rpc::Caller& caller) {
  auto share = shares_->take(rpc::Share::kRequests, rpc::holder_of(caller));
  if (share && plant_ == Plant::kSharesAreKept) kept_.push_back(*share);
  return share;
}

std::size_t Scheduler::requests_of(const rpc::Caller& caller) const {
  return shares_ == nullptr ? 0 : shares_->used(rpc::Share::kRequests, caller.payer());
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
    if (!std::exchange(dies_, false)) {
      if (is_over()) continue;
      // Its loop has ended by itself: only where another one has its store.
      if (next_store_ == nullptr) World::the().broken("the scheduler ends by itself");
      World::the().note("the older scheduler ends");
      down_ = nanoseconds(0);
    }
    bury();
    World::the().after(down_, [this] {
      if (!is_over()) start();
    });
  }
}

}  // namespace takt::sim
