// SPDX-License-Identifier: Apache-2.0
// Messages to the service manager. Guarantees: all do nothing without NOTIFY_SOCKET and never fail
// the caller; the first one opens a descriptor, and none after it needs another. Only
// notify_ready() and notify_reloading() wait for a manager that does not read; the others are lost
// then. Any thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace takt::sd {

// True where this system was booted with systemd.
bool booted();

void notify_ready();
void notify_stopping();

// RELOADING=1; follow it with notify_ready() when done.
void notify_reloading();

// The one line that `systemctl status` shows; line breaks become blanks.
void notify_status(const std::string& text);

// Feeds the service watchdog.
void notify_watchdog();

// How often at least the watchdog wants to be fed. Absent: there is none.
std::optional<microseconds> watchdog_period();

}  // namespace takt::sd
