// SPDX-License-Identifier: Apache-2.0
#include "worker/lookup.h"

#include "worker/stored.h"
#include "worker/usage.h"

namespace takt::worker {

Result<AttemptKey> resolve(const Core& core, const Uuid& job_id, int number) {
  AttemptId id{job_id, number};
  if (number == 0) id.number = core.attempts.latest_number(job_id);
  if (id.number == 0) {
    const std::vector<int> numbers = core.state.attempts_of(job_id);
    if (numbers.empty())
      return make_error(ErrorCode::kNotFound, "job " + job_id.str() + " is not on this worker");
    id.number = numbers.back();
  }
  if (auto owner = core.attempts.owner_of(id)) return AttemptKey{std::move(*owner), id};
  auto owner = core.state.owner_of(id);
  if (!owner) return owner.error();
  return AttemptKey{std::move(*owner), id};
}

Result<Attempt> find_attempt(const Core& core, const AttemptKey& key) {
  if (const LivePtr live = core.attempts.find(key)) {
    refresh_usage(*live);
    return live->record;
  }
  return stored_attempt(core.state, key);
}

}  // namespace takt::worker
