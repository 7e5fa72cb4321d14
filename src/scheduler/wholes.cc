// SPDX-License-Identifier: Apache-2.0
#include "scheduler/wholes.h"

#include <utility>

namespace takt::scheduler {

Wholes::Whole& Wholes::add(const Uuid& whole, int max_running, const PartCounts& ended) {
  Whole& made = wholes_[whole];
  made.max_running = max_running;
  made.counts = ended;
  return made;
}

Wholes::Whole* Wholes::find(const Uuid& whole) {
  const auto found = wholes_.find(whole);
  return found == wholes_.end() ? nullptr : &found->second;
}

void Wholes::add_part(Whole& whole, std::int64_t number, const Job& part) {
  whole.live.emplace(number, part.id);
  ++whole.counts.total;
  ++whole.counts.of(part.state);
}

void Wholes::moved(Whole& whole, std::int64_t number, JobState before, JobState after) {
  --whole.counts.of(before);
  ++whole.counts.of(after);
  if (has_ended(after)) whole.live.erase(number);
}

bool Wholes::admit(Whole& whole, std::int64_t number, const Uuid& part, bool& admitted) {
  if (admitted) return true;
  if (!has_place(whole)) {
    whole.waits.emplace(number, part);
    return false;
  }
  whole.waits.erase(number);
  ++whole.admitted;
  return admitted = true;
}

std::optional<Uuid> Wholes::dismiss(Whole& whole, std::int64_t number, bool& admitted) {
  whole.waits.erase(number);
  if (!std::exchange(admitted, false)) return std::nullopt;
  --whole.admitted;
  if (whole.waits.empty()) return std::nullopt;
  return whole.waits.begin()->second;
}

JobEnd Wholes::end_of(const Whole& whole, const Job& job) {
  JobEnd end = whole.early_end.value_or(JobEnd{.cause = EndCause::kPartsEnded});
  const PartCounts& counts = whole.counts;
  if (job.stop_requested && counts.stopped > 0) {
    end.cause = EndCause::kStopped;
    end.stopped_by = job.stop_requested->by;
    end.reason = job.stop_requested->reason;
  }
  end.parts_total = counts.total;
  end.parts_failed = counts.failed + counts.stopped;
  return end;
}

}  // namespace takt::scheduler
