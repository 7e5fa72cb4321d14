// SPDX-License-Identifier: Apache-2.0
// Exit codes of the daemons. The units start a daemon again after kExitFailure only
// (RestartPreventExitStatus=): what the others stand for is the same after a restart.
#pragma once

#include "base/result.h"

namespace takt {

inline constexpr int kExitFailure = 1;        // a restart may help
inline constexpr int kExitUsage = 2;          // wrong options
inline constexpr int kExitDamaged = 65;       // EX_DATAERR: a record or the database is damaged
inline constexpr int kExitUnavailable = 69;   // EX_UNAVAILABLE: the host lacks what takt needs
inline constexpr int kExitNoPermission = 77;  // EX_NOPERM
inline constexpr int kExitConfig = 78;        // EX_CONFIG: the configuration is wrong

// Of a daemon that ends because of this error.
int exit_code_of(const Error& error);

}  // namespace takt
