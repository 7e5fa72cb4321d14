// SPDX-License-Identifier: Apache-2.0
// What the scheduler's door keeps of old workers and of the attempts that it gave them: records of
// the form of base/codec.h. Guarantees: decoding any bytes is safe; what encodes decodes to the
// same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "job/job.h"

namespace takt::compat {

// An old worker. Its id is ours: the old one has none of its own.
struct OldWorkerRecord {
  Uuid id;
  std::string address;     // host:port
  bool registered = true;  // false: it has deregistered
  WallTime register_time;  // the last time
};

// How far an attempt got. The numbers are stored: never change them.
enum class OldStage {
  kIntent = 0,   // StartJob may have been called
  kRunning = 1,  // it was answered
  kEnded = 2,    // the end is known, and not yet acknowledged
};

struct OldAttempt {
  AttemptId id;
  OldStage stage = OldStage::kIntent;
  std::string old_id;  // the old worker's own id of the job
  std::optional<WallTime> start_time;
  std::optional<StopRequest> stop;  // asked for
  std::optional<JobEnd> end;
  std::optional<WallTime> end_time;
};

std::string encode(const OldWorkerRecord& worker);
Result<OldWorkerRecord> decode_old_worker(std::string_view record);

std::string encode(const OldAttempt& attempt);
Result<OldAttempt> decode_old_attempt(std::string_view record);

}  // namespace takt::compat
