// SPDX-License-Identifier: Apache-2.0
// The ReadOutput streams that are open, so that they can be ended. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/result.h"

namespace takt::scheduler {

class OutputProxy;

class OutputRegistry {
 public:
  // The error of end_all() after it.
  Result<void> add(const std::shared_ptr<OutputProxy>& proxy);
  void remove(const OutputProxy* proxy);

  // Ends all, and refuses those that come from now on.
  void end_all(const Error& error);

 private:
  std::mutex mutex_;
  std::unordered_map<const OutputProxy*, std::weak_ptr<OutputProxy>> proxies_;
  std::optional<Error> ended_;
};

}  // namespace takt::scheduler
