// SPDX-License-Identifier: Apache-2.0
#include "config/glob.h"

#include <fnmatch.h>

#include <algorithm>

namespace takt::config {

bool glob_match(const std::string& glob, const std::string& name) {
  return fnmatch(glob.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

bool matches_any(const std::vector<std::string>& globs, const std::string& name) {
  return std::any_of(globs.begin(), globs.end(),
                     [&name](const std::string& glob) { return glob_match(glob, name); });
}

}  // namespace takt::config
