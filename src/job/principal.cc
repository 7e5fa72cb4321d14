// SPDX-License-Identifier: Apache-2.0
#include "job/principal.h"

#include <algorithm>

#include <string_view>

#include "base/check.h"

namespace takt {
namespace {

constexpr std::string_view kLocalUser = "user ";

}  // namespace

const char* role_name(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kUser:
      return "user";
    case Role::kOperator:
      return "operator";
    case Role::kScheduler:
      return "scheduler";
    case Role::kWorker:
      return "worker";
  }
  TAKT_CHECK(false, "role %d", static_cast<int>(role));
}

std::string Principal::describe() const {
  if (!certificate.empty()) return certificate;
  if (!user_name.empty()) return user_name;
  if (uid != kNoUid) return "uid " + std::to_string(uid);
  if (via == Via::kDaemon) return "the daemon itself";
  return is_local() ? "a user without a role" : "an unidentified TCP client";
}

std::string Principal::display_name() const {
  return is_local() && !user_name.empty() ? std::string(kLocalUser) + user_name : describe();
}

std::string Principal::account() const {
  if (!certificate.empty()) return certificate;
  if (!is_local()) return "";
  return user_name.empty() ? "uid " + std::to_string(uid) : user_name;
}

std::string Principal::payer() const {
  if (role == Role::kNone) return "the account of all callers without a role";
  if (role == Role::kUser && !every_role && certificate.empty() && user_name.empty())
    return "the account of all users without a name";
  return describe();
}

bool Principal::owns(const std::string& account_of_job) const {
  return !account_of_job.empty() && account_of_job == account();
}

bool Principal::is_among(const std::vector<std::string>& accounts) const {
  return std::any_of(accounts.begin(), accounts.end(),
                     [this](const std::string& account) { return owns(account); });
}

Principal daemon_principal() {
  Principal principal;
  principal.role = Role::kOperator;
  principal.every_role = true;
  principal.via = Via::kDaemon;
  return principal;
}

std::string account_of(const std::string& display_name) {
  if (display_name.starts_with(kLocalUser)) return display_name.substr(kLocalUser.size());
  const bool vouched = display_name.starts_with("uid ") || display_name.starts_with("takt://");
  return vouched ? display_name : "";
}

}  // namespace takt
