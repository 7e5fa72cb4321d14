// SPDX-License-Identifier: Apache-2.0
// Connections of other users: a real process of that user connects, and passes the descriptor back.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace takt::test {

// A process of another user that connects to one socket, again and again; as root only, else as
// ourselves. One thread at a time.
class UserConnector {
 public:
  UserConnector(const std::string& path, uid_t uid, gid_t gid, const std::vector<gid_t>& groups);
  ~UserConnector();
  UserConnector(const UserConnector&) = delete;
  UserConnector& operator=(const UserConnector&) = delete;

  // A connected socket; empty if that failed.
  [[nodiscard]] UniqueFd connect();

 private:
  UniqueFd channel_;
  pid_t child_ = 0;
};

// A connected socket whose connect() was done by another user.
UniqueFd connect_as(const std::string& path, uid_t uid, gid_t gid, std::vector<gid_t> groups);

}  // namespace takt::test
