// SPDX-License-Identifier: Apache-2.0
// The accounts of a simulation, as the daemon makes them of connections.
#pragma once

#include <string>

#include "rpc/caller.h"

namespace takt::sim {

// May do everything.
inline rpc::Caller root() {
  rpc::Caller caller;
  caller.role = rpc::Role::kOperator;
  caller.every_role = true;
  caller.via = Via::kUnixSocket;
  caller.uid = caller.gid = 0;
  caller.user_name = "root";
  return caller;
}

inline rpc::Caller user(const std::string& name, uid_t uid) {
  rpc::Caller caller;
  caller.role = rpc::Role::kUser;
  caller.via = Via::kUnixSocket;
  caller.uid = caller.gid = uid;
  caller.user_name = name;
  return caller;
}

// An ordinary user.
inline rpc::Caller alice() { return user("alice", 2001); }
// One who means harm.
inline rpc::Caller mallory() { return user("mallory", 2002); }

// A worker, by its certificate.
inline rpc::Caller worker_named(const std::string& name) {
  rpc::Caller caller;
  caller.role = rpc::Role::kWorker;
  caller.via = Via::kTls;
  caller.certificate = "takt://worker/" + name;
  return caller;
}

}  // namespace takt::sim
