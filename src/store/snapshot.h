// SPDX-License-Identifier: Apache-2.0
// What is alive, read at once.
#pragma once

#include "base/result.h"
#include "store/connection.h"
#include "store/types.h"

namespace takt::store {

// All jobs that have not ended, all workers, and the newest revision.
Result<Snapshot> load_snapshot(Connection& connection);

}  // namespace takt::store
