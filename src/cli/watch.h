// SPDX-License-Identifier: Apache-2.0
// Waits until jobs have ended. Guarantees: an end is seen even if contact was lost meanwhile or the
// scheduler's history does not reach back; each job is told of once.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/console.h"
#include "cli/outage.h"

namespace takt::cli {

class EndWatcher {
 public:
  // `told` is called with each job once it has ended.
  EndWatcher(Client& client, Console& console, std::function<void(const v1::Job&)> told);

  // A job to wait for, as just read.
  void add(const v1::Job& job);

  [[nodiscard]] std::size_t pending() const { return revisions_.size(); }

  // Until all have ended. kCancelled if a signal came: it may be called again.
  Result<void> run();

 private:
  Result<void> refresh();
  Result<void> refresh_one(const std::string& id, bool& reached);
  grpc::Status watch();

  Client& client_;
  std::function<void(const v1::Job&)> told_;
  Outage outage_;
  std::map<std::string, std::int64_t> revisions_;  // of the jobs not yet ended
};

}  // namespace takt::cli
