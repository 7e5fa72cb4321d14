// SPDX-License-Identifier: Apache-2.0
// Who calls the scheduler in a simulation: somebody who may do everything.
#pragma once

#include "rpc/caller.h"

namespace takt::sim {

inline rpc::Caller root() {
  rpc::Caller caller;
  caller.role = rpc::Role::kOperator;
  caller.every_role = true;
  caller.via = Via::kUnixSocket;
  caller.uid = caller.gid = 0;
  caller.user_name = "root";
  return caller;
}

}  // namespace takt::sim
