// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace takt {

// "0.1.0": the version of this build, from meson.build.
const char* version();

}  // namespace takt
