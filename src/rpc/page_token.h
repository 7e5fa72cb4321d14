// SPDX-License-Identifier: Apache-2.0
// Where the next page of a list begins, as text that clients hand back. Guarantees: what a function
// here writes is read back the same; every other text is kInvalid, naming page_token. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/uuid.h"
#include "job/job.h"

namespace takt::rpc {

// Of the scheduler's jobs: the number of the last one sent. Empty: 0, from the newest.
std::string job_token(std::int64_t number);
Result<std::int64_t> read_job_token(const std::string& token);

// Of workers: the last one sent. Empty: before the first.
struct WorkerPlace {
  std::string name;
  std::string id;
};
std::string worker_token(const Uuid& id, const std::string& name);
Result<WorkerPlace> read_worker_token(const std::string& token);

// Of a worker's attempts: the last one sent. Empty: none. The UUID of a job alone, as an earlier
// version wrote it, stands for all attempts of the job.
std::string attempt_token(const AttemptId& id);
Result<std::optional<AttemptId>> read_attempt_token(const std::string& token);

// A page size as asked for, or the default; too large ones are capped. kInvalid below 0.
Result<std::size_t> page_size(int asked);

}  // namespace takt::rpc
