// SPDX-License-Identifier: Apache-2.0
#include "rpc/refusals.h"

#include "base/log.h"

namespace takt::rpc {

bool RefusalLines::admit(const std::string& account) {
  const BootTime now = now_();
  const std::lock_guard lock(mutex_);
  if (now - since_ >= std::chrono::minutes(1)) {
    since_ = now;
    lines_ = 0;
    accounts_.clear();
  }
  // An account is remembered only with a line, so the lines bound the accounts, too.
  if (lines_ >= limits::kRefusalLinesPerMinute) return false;
  std::size_t& of_account = accounts_[account];
  if (of_account >= limits::kRefusalLinesOfAccount) return false;
  ++of_account;
  ++lines_;
  return true;
}

void RefusalAudit::note(const Principal& principal, const char* call, std::string_view peer,
                        const Error& error) const {
  if (!lines_.admit(principal.payer())) return;
  std::string who = principal.describe();
  if (principal.is_local() && principal.uid != kNoUid && !principal.user_name.empty())
    who += " (uid " + std::to_string(principal.uid) + ")";
  if (!peer.empty()) who += " at " + std::string(peer);
  log_warning("refused " + std::string(call) + " to " + who + ": " + error.message,
              {message_id(kActionRefusedId)});
}

}  // namespace takt::rpc
