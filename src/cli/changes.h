// SPDX-License-Identifier: Apache-2.0
// Changes of jobs as they come. Guarantees: a stream that broke, for whatever passes by, is taken
// up after the last revision seen, so that no change is lost and none is told twice; a history that
// is gone is an error, never passed over.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/client.h"
#include "cli/console.h"
#include "cli/outage.h"

namespace takt::cli {

class Changes {
 public:
  // `told` is called with each change and each sign of life, in order; false: that is enough.
  using Told = std::function<bool(const v1::WatchJobsResponse& change)>;

  // `request` says what to watch, and from where.
  Changes(Client& client, Console& console, v1::WatchJobsRequest request, Told told);

  // Until it was enough. kCancelled if a signal came.
  Result<void> run();

  // Up to here everything has been told; nothing if that is not known yet.
  [[nodiscard]] std::optional<std::int64_t> revision() const;

 private:
  grpc::Status read_stream();
  bool take(const v1::WatchJobsResponse& change);

  Client& client_;
  v1::WatchJobsRequest request_;
  Told told_;
  Outage outage_;
  bool enough_ = false;
};

}  // namespace takt::cli
