// SPDX-License-Identifier: Apache-2.0
// Names of uids, as the user database has them now. Guarantees: a name, or an error, is at most
// kAge old; an error is never taken for "no such user", and an old name never for the present one;
// a directory service that hangs holds up no call for longer than kWait, and costs kThreadsMax
// threads at most.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace takt::rpc {

class UserNames {
 public:
  // The name of a uid; no value: there is no such user. May block.
  using Lookup = std::function<Result<std::optional<std::string>>(uid_t)>;

  static constexpr nanoseconds kAge = std::chrono::seconds(2);
  static constexpr nanoseconds kWait = std::chrono::seconds(2);

  // `age`: for how long a name is used. `wait`: for how long a look-up is waited for.
  explicit UserNames(Lookup lookup, nanoseconds age = kAge, nanoseconds wait = kWait);

  // The same for one of `lookup`. kUnavailable: the user database failed within the last `age`, or
  // does not answer; the message says so. Any thread.
  Result<std::optional<std::string>> name_of(uid_t uid) { return name_of(uid, wait_); }
  // The same with another wait.
  Result<std::optional<std::string>> name_of(uid_t uid, nanoseconds wait);

  // Those of this host, for the whole process.
  static UserNames& of_host();

 private:
  struct Shared;

  const nanoseconds age_;
  const nanoseconds wait_;
  const std::shared_ptr<Shared> shared_;  // outlives this while a look-up hangs
};

}  // namespace takt::rpc
