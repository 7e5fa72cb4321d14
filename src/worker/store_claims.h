// SPDX-License-Identifier: Apache-2.0
// Which scheduler a worker takes for the owner of a store. Guarantees: the first certificate that
// claims a store keeps it until the worker restarts, whether its session is open or not; a lower
// epoch than the highest seen is refused; a refused claim changes nothing. Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"
#include "rpc/caller.h"

namespace takt::worker {

// Never change it: catalogs and scripts know it.
inline constexpr std::string_view kForeignStoreId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e25";

class StoreClaims {
 public:
  // A scheduler says that it has this store. kPermissionDenied, logged once for each certificate in
  // turn: another certificate has it (all callers without a certificate count as one).
  // kFailedPrecondition: a higher epoch was seen. kResourceExhausted: limits::kStoresMax were
  // claimed.
  Result<void> claim(const Uuid& store, std::int64_t epoch, const rpc::Caller& scheduler);

 private:
  struct Claim {
    std::string certificate;  // of who claimed it first; empty: a caller without one
    std::int64_t epoch = 0;   // the highest seen
    std::string refused;      // the caller that was logged last
  };

  std::map<Uuid, Claim> claims_;
};

}  // namespace takt::worker
