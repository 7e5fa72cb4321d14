// SPDX-License-Identifier: Apache-2.0
#include "sd/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <typeinfo>
#include <utility>

#include "base/limits.h"
#include "sd/iteration_clock.h"
#include "sd/notify.h"
#include "sd/timers.h"

namespace takt::sd {
namespace {

// An sd-event source with the function that it calls.
class EventSource final : public SourceNode, public std::enable_shared_from_this<EventSource> {
 public:
  // `name` is what it goes by in the log of slow iterations.
  EventSource(IterationClock& clock, const std::type_info& name,
              std::function<void(std::uint32_t)> fn)
      : clock_(clock), name_(name), fn_(std::move(fn)) {}
  ~EventSource() override { EventSource::cancel(); }

  void cancel() override { sd_event_source_disable_unref(std::exchange(source_, nullptr)); }

  void set_events(std::uint32_t events) override {
    const int r = sd_event_source_set_io_events(source_, events);
    TAKT_CHECK(r >= 0, "cannot change a source's events: error %d", -r);
  }

  static int on_io(sd_event_source*, int, std::uint32_t events, void* self) {
    return static_cast<EventSource*>(self)->run(events);
  }
  static int on_signal(sd_event_source*, const signalfd_siginfo*, void* self) {
    return static_cast<EventSource*>(self)->run(0);
  }

  sd_event_source** slot() { return &source_; }
  sd_event_source* source() { return source_; }

 private:
  int run(std::uint32_t events) {
    const auto alive = shared_from_this();  // the function may destroy its own Source
    clock_.run(fn_, name_, events);
    return 0;
  }

  IterationClock& clock_;
  const std::type_info& name_;
  std::function<void(std::uint32_t)> fn_;
  sd_event_source* source_ = nullptr;
};

std::shared_ptr<EventSource> make_source(IterationClock& clock, std::function<void()> fn) {
  const std::type_info& name = fn.target_type();
  return std::make_shared<EventSource>(clock, name, [fn = std::move(fn)](std::uint32_t) { fn(); });
}

}  // namespace

void SourceNode::set_events(std::uint32_t) {
  TAKT_CHECK(false, "only a source made by add_io waits for events");
}

void Source::set_events(std::uint32_t events) {
  TAKT_CHECK(node_ != nullptr, "an empty source waits for nothing");
  node_->set_events(events);
}

EventLoop::EventLoop()
    : clock_(std::make_unique<IterationClock>()), thread_(std::this_thread::get_id()) {}

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  std::unique_ptr<EventLoop> loop(new EventLoop());
  if (auto opened = loop->open(); !opened) return opened.error();
  return loop;
}

Result<void> EventLoop::open() {
  if (const int r = sd_event_new(&event_); r < 0) return system_error("making the event loop", -r);
  auto timers = TimerQueue::create(event_, *clock_);
  if (!timers) return timers.error();
  timers_ = std::move(*timers);
  wake_fd_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_fd_) return system_error("making the loop's eventfd");
  auto source = add_io(wake_fd_.get(), EPOLLIN, [this](std::uint32_t) { run_posted(); });
  if (!source) return source.error();
  wake_source_ = std::move(*source);
  return {};
}

EventLoop::~EventLoop() {
  // Tasks and hooks may own sources of this loop: they go first.
  std::deque<std::function<void()>> never_ran;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    never_ran.swap(posted_);
  }
  never_ran.clear();
  turn_end_.clear();
  wake_source_.reset();
  timers_.reset();
  sd_event_unref(event_);
}

Result<int> EventLoop::run() {
  thread_.store(std::this_thread::get_id());
  Result<void> turned;
  while (turned.ok() && sd_event_get_state(event_) != SD_EVENT_FINISHED) turned = turn();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (!turned) return turned.error();
  return exit_code_;
}

Result<void> EventLoop::turn() {
  std::uint64_t patience_us = UINT64_MAX;
  for (std::size_t ran = 0; ran < limits::kLoopTurnMax; ++ran) {
    // The hooks come first: a finished loop takes no new source.
    if (int code = 0; ran > 0 && sd_event_get_exit_code(event_, &code) >= 0) break;
    const int r = sd_event_run(event_, patience_us);
    if (r < 0) return system_error("running the event loop", -r);
    if (r == 0 && ran == 0) return {};  // woken for nothing of ours
    if (sd_event_get_state(event_) == SD_EVENT_FINISHED) return {};
    if (r == 0) break;
    patience_us = 0;
  }
  for (std::size_t i = 0; i < turn_end_.size(); ++i) clock_->run(turn_end_[i]);
  clock_->end();
  return {};
}

void EventLoop::exit(int code) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(exit_asked_, true)) return;
    exit_code_ = code;
  }
  wake();
}

bool EventLoop::in_loop() const { return thread_.load() == std::this_thread::get_id(); }

bool EventLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || posted_.size() >= limits::kLoopPostsMax) return false;
    posted_.push_back(std::move(task));
    if (posted_.size() > 1) return true;  // the first one's wake-up is on its way
  }
  wake();
  return true;
}

void EventLoop::wake() {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the loop is awake already.
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
}

void EventLoop::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_fd_.get(), &count, sizeof count);
  std::deque<std::function<void()>> tasks;
  bool leave = false;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
    leave = exit_asked_;
  }
  for (; !tasks.empty(); tasks.pop_front()) clock_->run(tasks.front());
  if (leave) sd_event_exit(event_, 0);
}

Result<Source> EventLoop::add_io(int fd, std::uint32_t events,
                                 std::function<void(std::uint32_t)> fn) {
  TAKT_CHECK(in_loop(), "add_io from another thread");
  const std::type_info& name = fn.target_type();
  auto node = std::make_shared<EventSource>(*clock_, name, std::move(fn));
  const int r = sd_event_add_io(event_, node->slot(), fd, events, EventSource::on_io, node.get());
  if (r < 0) return system_error("watching a descriptor", -r);
  return Source(std::move(node));
}

Source EventLoop::add_timer(BootTime when, std::function<void()> fn) {
  TAKT_CHECK(in_loop(), "add_timer from another thread");
  return timers_->add(when, std::move(fn));
}

Source EventLoop::add_timer(nanoseconds delay, std::function<void()> fn) {
  return add_timer(boot_time_after(delay), std::move(fn));
}

Result<Source> EventLoop::add_signal(int signal, std::function<void()> fn) {
  TAKT_CHECK(in_loop(), "add_signal from another thread");
  auto node = make_source(*clock_, std::move(fn));
  const int r = sd_event_add_signal(event_, node->slot(), signal | SD_EVENT_SIGNAL_PROCMASK,
                                    EventSource::on_signal, node.get());
  if (r < 0) return system_error("watching signal " + std::to_string(signal), -r);
  return Source(std::move(node));
}

Result<Source> EventLoop::add_pidfd(int pidfd, std::function<void()> fn) {
  TAKT_CHECK(in_loop(), "add_pidfd from another thread");
  auto node = make_source(*clock_, std::move(fn));
  int r = sd_event_add_io(event_, node->slot(), pidfd, EPOLLIN, EventSource::on_io, node.get());
  if (r >= 0) r = sd_event_source_set_enabled(node->source(), SD_EVENT_ONESHOT);
  if (r < 0) return system_error("watching a process", -r);
  return Source(std::move(node));
}

void EventLoop::on_turn_end(std::function<void()> fn) {
  TAKT_CHECK(in_loop(), "on_turn_end from another thread");
  turn_end_.push_back(std::move(fn));
}

void EventLoop::run_within(const std::function<void()>& task) { clock_->run(task); }

std::uint64_t EventLoop::slow_iterations() const { return clock_->slow(); }

void EventLoop::enable_watchdog() {
  if (const auto period = watchdog_period()) feed_watchdog(*period / 2);
}

void EventLoop::feed_watchdog(nanoseconds pause) {
  notify_watchdog();
  watchdog_ = add_timer(pause, [this, pause] { feed_watchdog(pause); });
}

void EventLoop::set_status(const std::string& text) { notify_status(text); }

}  // namespace takt::sd
