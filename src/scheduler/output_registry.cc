// SPDX-License-Identifier: Apache-2.0
#include "scheduler/output_registry.h"

#include <utility>
#include <vector>

#include "scheduler/output_proxy.h"

namespace takt::scheduler {

Result<void> OutputRegistry::add(const std::shared_ptr<OutputProxy>& proxy) {
  const std::lock_guard lock(mutex_);
  if (ended_) return *ended_;
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
