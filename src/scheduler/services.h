// SPDX-License-Identifier: Apache-2.0
// The scheduler's gRPC services: each call passes the guard, then goes to its verb.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rpc/generation.h"
#include "rpc/shares.h"
#include "rpc/user_names.h"
#include "scheduler/core.h"

namespace takt::scheduler {

// Makes JobService, OperatorService and RegistryService for each caller. The core outlives them;
// calls count against `shares`, if there are any; `names`, which outlives them too, says what users
// are called.
rpc::ServiceFactory make_services(Core& core, const std::shared_ptr<rpc::Shares>& shares,
                                  rpc::UserNames& names = rpc::UserNames::of_host());

// Their full names, for health checks.
std::vector<std::string> service_names();

}  // namespace takt::scheduler
