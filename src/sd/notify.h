// SPDX-License-Identifier: Apache-2.0
// Messages to the service manager. Guarantees: all do nothing without NOTIFY_SOCKET and never fail
// the caller. Any thread.
#pragma once

#include <string>

namespace takt::sd {

// True where this system was booted with systemd.
bool booted();

void notify_ready();
void notify_stopping();

// RELOADING=1; follow it with notify_ready() when done.
void notify_reloading();

// The one line that `systemctl status` shows; line breaks become blanks.
void notify_status(const std::string& text);

}  // namespace takt::sd
