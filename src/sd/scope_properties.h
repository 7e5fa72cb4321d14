// SPDX-License-Identifier: Apache-2.0
// What takt asks of systemd for the scope of an attempt. Part of SystemdManager.
#pragma once

#include "sd/systemd_manager.h"

namespace takt::sd {

// Appends the arguments of StartTransientUnit; a negative errno if that fails.
int append_scope_request(sd_bus_message* message, const ScopeRequest& request);

}  // namespace takt::sd
