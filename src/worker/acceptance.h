// SPDX-License-Identifier: Apache-2.0
// The record of a start that the worker took: the file `spec` in the attempt's folder. Guarantees:
// decoding any bytes is safe; what encodes decodes to the same.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "job/spec.h"
#include "worker/owner.h"

namespace takt::worker {

struct Acceptance {
  std::string owner;         // a scheduler's store id, or kDirectOwner
  std::string boot_id;       // in which it was taken: in another one it may have run unseen
  std::string submitted_by;  // for people
  std::string user;          // whom it runs as
  uid_t caller_uid = 0;      // of the caller that sent the start
  WallTime accept_time;
  JobSpec spec;
};

// Whose the attempt is.
Owner owner_of(const Acceptance& acceptance);

std::string encode(const Acceptance& acceptance);
Result<Acceptance> decode_acceptance(std::string_view record);

}  // namespace takt::worker
