// SPDX-License-Identifier: Apache-2.0
// sd-event without a kernel: what sd/event_loop.cc and sd/timers.cc call of libsystemd, in its
// place. While the loop waits the world goes on; it wakes some time after there was a reason to,
// and of several reasons takes any first. Descriptors are real ones (eventfds), looked at only.
#include <poll.h>
#include <systemd/sd-event.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/check.h"
#include "simulation/scheduler.h"
#include "simulation/world.h"

using takt::BootTime;
using takt::sim::World;

struct sd_event_source {
  sd_event* event = nullptr;
  void* userdata = nullptr;
  int enabled = SD_EVENT_ON;
  int fd = -1;  // of one for input
  std::uint32_t events = 0;
  sd_event_io_handler_t on_io = nullptr;
  BootTime when = BootTime::max();
  sd_event_time_handler_t on_time = nullptr;
};

struct sd_event {
  std::vector<sd_event_source*> sources;
  bool finished = false;

  [[nodiscard]] std::vector<sd_event_source*> ready() const {
    std::vector<sd_event_source*> found;
    for (sd_event_source* source : sources) {
      if (source->enabled == SD_EVENT_OFF) continue;
      pollfd file{source->fd, static_cast<short>(source->events), 0};
      if (source->on_time != nullptr ? source->when <= World::the().now()
                                     : ::poll(&file, 1, 0) == 1)
        found.push_back(source);
    }
    return found;
  }

  [[nodiscard]] BootTime next_timer() const {
    BootTime next = BootTime::max();
    for (const sd_event_source* source : sources)
      if (source->on_time != nullptr && source->enabled != SD_EVENT_OFF)
        next = std::min(next, source->when);
    return next;
  }

  // Calls one of those that are ready; false if there is none.
  [[nodiscard]] bool dispatch() const {
    auto found = ready();
    if (found.empty()) return false;
    sd_event_source* const source = World::the().any_of(found);
    if (source->enabled == SD_EVENT_ONESHOT) source->enabled = SD_EVENT_OFF;
    if (source->on_time != nullptr) {
      source->on_time(source, 0, source->userdata);
    } else {
      source->on_io(source, source->fd, source->events, source->userdata);
    }
    return true;
  }
};

namespace {

// Until the loop has a reason to wake, and has woken; false if the scheduler dies meanwhile.
bool wait(const sd_event& event) {
  World& world = World::the();
  while (event.ready().empty()) {
    if (takt::sim::before_wait()) return false;
    const BootTime timer = event.next_timer();
    TAKT_CHECK(world.next() < BootTime::max(), "a world always has something to do");
    if (world.next() <= timer) {
      world.step();
    } else {
      world.pass_to(timer);
    }
  }
  const BootTime awake = world.now() + takt::sim::wake_up_time();
  while (world.next() <= awake) {
    if (takt::sim::before_wait()) return false;
    world.step();
  }
  world.pass_to(awake);
  return !takt::sim::before_wait();
}

sd_event_source* add(sd_event* event, void* userdata) {
  auto* source = new sd_event_source{};
  source->event = event;
  source->userdata = userdata;
  event->sources.push_back(source);
  return source;
}

BootTime time_of(std::uint64_t usec) {
  constexpr std::uint64_t kNever = INT64_MAX / 1000;
  if (usec >= kNever) return BootTime::max();
  return BootTime(takt::microseconds(static_cast<std::int64_t>(usec)));
}

}  // namespace

extern "C" {

int sd_event_new(sd_event** event) {
  *event = new sd_event{};
  return 0;
}

sd_event* sd_event_unref(sd_event* event) {
  delete event;
  return nullptr;
}

int sd_event_run(sd_event* event, std::uint64_t usec) {
  if (usec == 0) return event->dispatch() ? 1 : 0;
  if (wait(*event)) return event->dispatch() ? 1 : 0;
  event->finished = true;
  return 1;
}

int sd_event_get_state(sd_event* event) {
  return event->finished ? SD_EVENT_FINISHED : SD_EVENT_INITIAL;
}

int sd_event_get_exit_code(sd_event*, int*) { return -ENODATA; }

int sd_event_exit(sd_event* event, int) {
  event->finished = true;
  return 0;
}

int sd_event_add_io(sd_event* event, sd_event_source** source, int fd, std::uint32_t events,
                    sd_event_io_handler_t handler, void* userdata) {
  *source = add(event, userdata);
  (*source)->fd = fd;
  (*source)->events = events;
  (*source)->on_io = handler;
  return 0;
}

int sd_event_add_time(sd_event* event, sd_event_source** source, clockid_t, std::uint64_t usec,
                      std::uint64_t, sd_event_time_handler_t handler, void* userdata) {
  *source = add(event, userdata);
  (*source)->when = time_of(usec);
  (*source)->on_time = handler;
  return 0;
}

int sd_event_add_signal(sd_event*, sd_event_source**, int, sd_event_signal_handler_t, void*) {
  return -EOPNOTSUPP;
}

int sd_event_source_set_io_events(sd_event_source* source, std::uint32_t events) {
  source->events = events;
  return 0;
}

int sd_event_source_set_time(sd_event_source* source, std::uint64_t usec) {
  source->when = time_of(usec);
  return 0;
}

int sd_event_source_set_enabled(sd_event_source* source, int enabled) {
  source->enabled = enabled;
  return 0;
}

sd_event_source* sd_event_source_disable_unref(sd_event_source* source) {
  if (source == nullptr) return nullptr;
  std::erase(source->event->sources, source);
  delete source;
  return nullptr;
}

}  // extern "C"
