// SPDX-License-Identifier: Apache-2.0
// The globs of configuration: *, ? and [...] as a shell has them, matched against a whole name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace takt::config {

// True if the glob matches all of `name`.
bool glob_match(const std::string& glob, const std::string& name);

// True if any of the globs matches all of `name`. No globs match nothing.
bool matches_any(const std::vector<std::string>& globs, const std::string& name);

}  // namespace takt::config
