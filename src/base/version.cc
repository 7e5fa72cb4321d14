// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

namespace takt {

const char* version() { return TAKT_VERSION; }

}  // namespace takt
