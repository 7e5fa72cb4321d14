// SPDX-License-Identifier: Apache-2.0
#include "sd/iteration_clock.h"

#include <string>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/units.h"
#include "sd/handler_name.h"

namespace takt::sd {
namespace {

std::string text_of(nanoseconds span) {
  return format_duration(std::chrono::duration_cast<milliseconds>(span));
}

}  // namespace

void IterationClock::begin() {
  if (std::exchange(running_, true)) return;
  begin_ = last_ = BootClock::now();
  most_ = nanoseconds(0);
  busiest_ = nullptr;
}

void IterationClock::ran(const std::type_info& name) {
  const BootTime now = BootClock::now();
  if (now - last_ > most_) {
    most_ = now - last_;
    busiest_ = &name;
  }
  last_ = now;
}

void IterationClock::end() {
  if (!std::exchange(running_, false)) return;
  const nanoseconds took = last_ - begin_;
  if (took <= limits::kIterationSlow) return;
  ++slow_;
  if (took <= limits::kIterationLogged || busiest_ == nullptr) return;
  log_warning("an iteration of the event loop took " + text_of(took) + ", " + text_of(most_) +
              " of it in " + handler_name(*busiest_) + "; " + std::to_string(slow_) +
              " have taken over " + text_of(limits::kIterationSlow) + " since the start");
}

}  // namespace takt::sd
