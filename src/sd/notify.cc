// SPDX-License-Identifier: Apache-2.0
#include "sd/notify.h"

#include <systemd/sd-daemon.h>

#include <chrono>

namespace takt::sd {

bool booted() { return sd_booted() > 0; }

void notify_ready() { sd_notify(0, "READY=1"); }

void notify_stopping() { sd_notify(0, "STOPPING=1"); }

void notify_reloading() {
  // Type=notify-reload wants the time of CLOCK_MONOTONIC with it; steady_clock is that clock.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec)).c_str());
}

void notify_status(const std::string& text) {
  std::string line = "STATUS=" + text;
  for (char& c : line)
    if (c == '\n') c = ' ';
  sd_notify(0, line.c_str());
}

}  // namespace takt::sd
