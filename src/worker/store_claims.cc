// SPDX-License-Identifier: Apache-2.0
#include "worker/store_claims.h"

#include "base/limits.h"
#include "base/log.h"

namespace takt::worker {

Result<void> StoreClaims::claim(const Uuid& store, std::int64_t epoch,
                                const rpc::Caller& scheduler) {
  auto known = claims_.find(store);
  if (known == claims_.end()) {
    if (claims_.size() >= limits::kStoresMax)
      return make_error(ErrorCode::kResourceExhausted,
                        "schedulers have claimed " + std::to_string(limits::kStoresMax) +
                            " stores on this worker already; restart takt-worker");
    known =
        claims_.emplace(store, Claim{.certificate = scheduler.certificate, .refused = {}}).first;
  }
  Claim& claim = known->second;
  if (claim.certificate != scheduler.certificate) {
    const std::string holder =
        claim.certificate.empty() ? "a scheduler without a certificate" : claim.certificate;
    Error error =
        make_error(ErrorCode::kPermissionDenied,
                   "store " + store.str() + " belongs to " + holder + " on this worker, not to " +
                       scheduler.describe() + "; if it has moved, restart takt-worker");
    if (claim.refused != scheduler.describe())
      log_warning("refused a scheduler: " + error.message, {message_id(kForeignStoreId)});
    claim.refused = scheduler.describe();
    return error;
  }
  if (epoch < claim.epoch)
    return make_error(ErrorCode::kFailedPrecondition,
                      "epoch " + std::to_string(epoch) + " is over: a scheduler with epoch " +
                          std::to_string(claim.epoch) + " has taken over this store");
  claim.epoch = epoch;
  return {};
}

}  // namespace takt::worker
