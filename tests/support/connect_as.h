// SPDX-License-Identifier: Apache-2.0
// Connections of other users: a real process of that user connects, and passes the descriptor back.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace takt::test {

// A connected socket whose connect() was done by another user; as root only, else as ourselves.
UniqueFd connect_as(const std::string& path, uid_t uid, gid_t gid, std::vector<gid_t> groups);

}  // namespace takt::test
