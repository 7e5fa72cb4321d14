// SPDX-License-Identifier: Apache-2.0
#include "rpc/caller.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/utf8.h"

namespace takt::rpc {
namespace {

constexpr std::size_t kEntryBytesMax = 1024UL * 1024;  // a group with very many members
constexpr std::size_t kGroupsMax = 65536;              // the kernel's NGROUPS_MAX

// Runs getpwnam_r and its kin with a buffer that grows; true if there is such an entry.
template <class Entry, class Lookup>
Result<bool> look_up(Entry& entry, std::vector<char>& buffer, const std::string& what,
                     Lookup lookup) {
  for (buffer.resize(4096); buffer.size() <= kEntryBytesMax; buffer.resize(buffer.size() * 4)) {
    Entry* found = nullptr;
    const int error = lookup(&entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (found != nullptr) return true;
    // What "not there" looks like depends on the directory service; see getpwnam(3).
    if (error == 0 || error == ENOENT || error == ESRCH) return false;
    return system_error("look up " + what, error);
  }
  return make_error(ErrorCode::kResourceExhausted, "the entry of " + what + " is over 1 MiB");
}

}  // namespace

Result<PeerCredentials> peer_credentials(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    return system_error("SO_PEERCRED");
  PeerCredentials peer;
  peer.uid = credentials.uid;
  peer.gid = credentials.gid;
  peer.groups.resize(32);
  while (true) {
    length = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &length) == 0) break;
    if (errno != ERANGE || peer.groups.size() >= kGroupsMax) return system_error("SO_PEERGROUPS");
    peer.groups.resize(std::max(length / sizeof(gid_t), peer.groups.size() * 2));
  }
  peer.groups.resize(length / sizeof(gid_t));
  return peer;
}

Result<std::optional<gid_t>> find_group(const std::string& name) {
  group entry{};
  std::vector<char> buffer;
  const Result<bool> found = look_up(entry, buffer, "group " + name, [&](auto... rest) {
    return ::getgrnam_r(name.c_str(), rest...);
  });
  if (!found) return found.error();
  return *found ? std::optional<gid_t>(entry.gr_gid) : std::nullopt;
}

Result<std::optional<uid_t>> find_user(const std::string& name) {
  passwd entry{};
  std::vector<char> buffer;
  const Result<bool> found = look_up(entry, buffer, "user " + name, [&](auto... rest) {
    return ::getpwnam_r(name.c_str(), rest...);
  });
  if (!found) return found.error();
  return *found ? std::optional<uid_t>(entry.pw_uid) : std::nullopt;
}

Result<std::optional<std::string>> find_user_name(uid_t uid) {
  if (uid == kNoUid) return std::optional<std::string>();
  passwd entry{};
  std::vector<char> buffer;
  const Result<bool> found = look_up(entry, buffer, "uid " + std::to_string(uid),
                                     [uid](auto... rest) { return ::getpwuid_r(uid, rest...); });
  if (!found) return found.error();
  return *found ? std::optional(clean_text(entry.pw_name)) : std::nullopt;
}

std::string user_name_of(uid_t uid) {
  const auto found = find_user_name(uid);
  return found && *found ? **found : std::string();
}

std::string no_name(uid_t uid) {
  return "uid " + std::to_string(uid) +
         " has no name in the user database of this host, so there is no user to run the job as; "
         "add the user (useradd, or its directory service) and try again";
}

Result<AccessPolicy> resolve_policy(const AccessNames& names) {
  AccessPolicy policy;
  const auto look_up = [&policy](const auto& find, const std::string& name,
                                 auto& number) -> Result<void> {
    if (name.empty()) return {};
    const auto found = find(name);
    if (!found) return found.error();
    number = *found;
    if (!number) policy.complete = false;
    return {};
  };
  auto done = look_up(find_group, names.user_group, policy.user_gid);
  if (done) done = look_up(find_group, names.operator_group, policy.operator_gid);
  if (done) done = look_up(find_user, names.scheduler_user, policy.scheduler_uid);
  if (done) done = look_up(find_user, names.worker_user, policy.worker_uid);
  if (!done) return done.error();
  policy.own_uid = ::geteuid();
  return policy;
}

Caller identify(const PeerCredentials& peer, const AccessPolicy& policy) {
  const auto member = [&peer](const std::optional<gid_t>& gid) {
    return gid && (peer.gid == *gid ||
                   std::find(peer.groups.begin(), peer.groups.end(), *gid) != peer.groups.end());
  };
  Caller caller;
  caller.via = Via::kUnixSocket;
  caller.uid = peer.uid;
  caller.gid = peer.gid;
  if (peer.uid == 0 || policy.own_uid == peer.uid) {
    caller.role = Role::kOperator;
    caller.every_role = true;
  } else if (policy.scheduler_uid == peer.uid) {
    caller.role = Role::kScheduler;
  } else if (policy.worker_uid == peer.uid) {
    caller.role = Role::kWorker;
  } else if (member(policy.operator_gid)) {
    caller.role = Role::kOperator;
  } else if (member(policy.user_gid)) {
    caller.role = Role::kUser;
  }
  return caller;
}

Caller insecure_tcp_caller() {
  Caller caller;
  caller.role = Role::kOperator;
  caller.every_role = true;
  return caller;
}

Caller tls_caller() {
  Caller caller;
  caller.via = Via::kTls;
  return caller;
}

}  // namespace takt::rpc
