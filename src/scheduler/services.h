// SPDX-License-Identifier: Apache-2.0
// The scheduler's gRPC services: each call passes the guard, then goes to its verb.
#pragma once

#include <string>
#include <vector>

#include "rpc/generation.h"
#include "scheduler/core.h"

namespace takt::scheduler {

// Makes JobService, OperatorService and RegistryService for each caller. The core outlives them.
rpc::ServiceFactory make_services(Core& core);

// Their full names, for health checks.
std::vector<std::string> service_names();

}  // namespace takt::scheduler
