// SPDX-License-Identifier: Apache-2.0
// The schema: made in an empty file, or brought from an older version to this one. Guarantees: a
// step is done as a whole or not at all; a file of a newer takt, or of another program, is refused
// and not touched.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "store/connection.h"

namespace takt::store {

inline constexpr std::int64_t kSchemaVersion = 3;

// kFailedPrecondition says what to do. Run it inside guarded().
Result<void> prepare_schema(Connection& connection, const std::string& path);

}  // namespace takt::store
