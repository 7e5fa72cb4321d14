// SPDX-License-Identifier: Apache-2.0
// Who is at the other end. Guarantees: on a unix socket the role comes from one function and from
// the kernel's numbers (SO_PEERCRED, SO_PEERGROUPS), never from a name lookup; the name is looked
// up again for each call (user_names.h). Over TLS the role comes from the certificate
// (authorize.h).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "job/principal.h"

namespace takt::rpc {

using takt::kNoGid;
using takt::kNoUid;
using takt::Role;
using takt::role_name;

// The principal behind a connection.
using Caller = Principal;

// What the kernel says of the process that connected, as it was at connect().
struct PeerCredentials {
  uid_t uid = kNoUid;
  gid_t gid = kNoGid;
  std::vector<gid_t> groups;
};

// SO_PEERCRED and SO_PEERGROUPS of a connected unix socket.
Result<PeerCredentials> peer_credentials(int fd);

// The names that roles hang on; the configuration may give others.
struct AccessNames {
  std::string user_group = "takt";
  std::string operator_group = "takt-admin";
  std::string scheduler_user = "takt-scheduler";
  std::string worker_user = "takt-worker";
};

// The same as numbers. Empty: there is no such group or user here, so nobody has the role by it.
struct AccessPolicy {
  std::optional<gid_t> user_gid;
  std::optional<gid_t> operator_gid;
  std::optional<uid_t> scheduler_uid;
  std::optional<uid_t> worker_uid;
  std::optional<uid_t> own_uid;  // of the daemon itself: may do all, as root may
  bool complete = true;          // false: a name has no number yet
};

// Looks the names up (may block on the directory service); an empty one is nobody. A name that does
// not exist is no error; a lookup that fails is. own_uid is this process's effective uid.
Result<AccessPolicy> resolve_policy(const AccessNames& names);

// THE decision: which role these credentials have. Pure; `user_name` stays empty.
Caller identify(const PeerCredentials& peer, const AccessPolicy& policy);

// The caller behind any connection to a plain-text TCP listener: `insecure = yes` trusts whoever
// can reach it with everything, and with nobody's uid.
Caller insecure_tcp_caller();

// The caller behind any TLS connection, before its certificate was looked at: without a role.
Caller tls_caller();

// The user's name; no value if there is no such user. May block on the directory service.
Result<std::optional<std::string>> find_user_name(uid_t uid);

// The same for display: empty also if the look-up fails.
std::string user_name_of(uid_t uid);

// Why a job of a caller without a name is refused: for messages.
std::string no_name(uid_t uid);

// The number of a group or user by name; no value if there is none.
Result<std::optional<gid_t>> find_group(const std::string& name);
Result<std::optional<uid_t>> find_user(const std::string& name);

}  // namespace takt::rpc
