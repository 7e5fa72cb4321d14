// SPDX-License-Identifier: Apache-2.0
#include "scheduler/output_registry.h"

#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "scheduler/output_proxy.h"

namespace takt::scheduler {

Result<void> OutputRegistry::add(const std::shared_ptr<OutputProxy>& proxy) {
  const std::lock_guard lock(mutex_);
  if (ended_) return *ended_;
  if (proxies_.size() >= limits::kFollowersMax) {
    return make_error(ErrorCode::kResourceExhausted,
                      std::to_string(limits::kFollowersMax) +
                          " readers of output are there already; try again later");
  }
  proxies_.emplace(proxy.get(), proxy);
  return {};
}

void OutputRegistry::remove(const OutputProxy* proxy) {
  const std::lock_guard lock(mutex_);
  proxies_.erase(proxy);
}

void OutputRegistry::end_all(const Error& error) {
  std::vector<std::shared_ptr<OutputProxy>> proxies;
  {
    const std::lock_guard lock(mutex_);
    ended_ = error;
    for (const auto& [key, weak] : proxies_) {
      if (auto proxy = weak.lock()) proxies.push_back(std::move(proxy));
    }
  }
  for (const auto& proxy : proxies) proxy->fail(error);
}

}  // namespace takt::scheduler
