// SPDX-License-Identifier: Apache-2.0
// Who asks, as a value: it is made where a connection or a call comes in, and goes with the request
// to all that acts on a job or shows one. Guarantees: pure data; two calls of one account give
// equal accounts, and those of two accounts never do.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace takt {

enum class Role { kNone, kUser, kOperator, kScheduler, kWorker };

// "none", "user", "operator", "scheduler", "worker".
const char* role_name(Role role);

// How a request came.
enum class Via {
  kPlainTcp,    // nothing vouches for who it is
  kUnixSocket,  // the kernel vouches for uid and gid
  kTls,         // the certificate says who it is
  kDaemon,      // from nowhere: the daemon's own work
};

inline constexpr uid_t kNoUid = static_cast<uid_t>(-1);
inline constexpr gid_t kNoGid = static_cast<gid_t>(-1);

struct Principal {
  Role role = Role::kNone;
  bool every_role = false;  // root, the daemon's own user, plain-text TCP: passes every check
  Via via = Via::kPlainTcp;
  uid_t uid = kNoUid;       // kNoUid but on the unix socket
  gid_t gid = kNoGid;       // the same
  std::string user_name;    // of that uid now (rpc/user_names.h); empty: it has none
  std::string certificate;  // "takt://user/alice"; empty but for calls over TLS

  [[nodiscard]] bool is_local() const { return via == Via::kUnixSocket; }
  [[nodiscard]] bool is_tls() const { return via == Via::kTls; }
  // With the rights of an operator.
  [[nodiscard]] bool is_operator() const { return every_role || role == Role::kOperator; }

  // "alice", "uid 1000", "takt://user/alice", "an unidentified TCP client": for messages and audit
  // lines.
  [[nodiscard]] std::string describe() const;

  // "user alice", or describe() for all but local users: what is kept with a job, for people.
  [[nodiscard]] std::string display_name() const;

  // Whose the jobs are that this principal submits: a local user's name (else "uid 1000"), a
  // certificate's URI. Empty, which owns nothing, over plain TCP.
  [[nodiscard]] std::string account() const;

  // Whose share of a daemon the principal takes from: describe(), but one name for all callers
  // without a role, and one for all users without a name: one user may have many such uids
  // (subuid(5)).
  [[nodiscard]] std::string payer() const;

  // Whether the jobs of this account are the principal's own.
  [[nodiscard]] bool owns(const std::string& account_of_job) const;

  // Whether one of these accounts is the principal's.
  [[nodiscard]] bool is_among(const std::vector<std::string>& accounts) const;
};

// The daemon itself.
Principal daemon_principal();

// The account() of the principal whose display_name() this is; empty if it had none.
std::string account_of(const std::string& display_name);

}  // namespace takt
