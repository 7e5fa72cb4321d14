// SPDX-License-Identifier: Apache-2.0
#include "job/offer.h"

#include <algorithm>

#include "base/limits.h"

namespace takt {

Offer offer_of(const WorkerRecord& worker, bool open) {
  const Capacity& capacity = worker.capacity;
  Offer offer;
  offer.worker_id = worker.id;
  offer.state = shown_state(worker);
  offer.open = open;
  offer.labels = effective_labels(worker);
  offer.launchers = capacity.launchers;
  // An older worker does not tell how many tasks it may have.
  const std::int64_t tasks = capacity.tasks > 0 ? capacity.tasks : limits::kTasksMax;
  offer.total = {capacity.slots, capacity.cpu_millicores, capacity.memory_bytes, tasks,
                 capacity.counted};
  offer.direct = capacity.direct;
  offer.used = capacity.direct;
  return offer;
}

Labels effective_labels(const WorkerRecord& worker) {
  Labels labels = worker.labels;
  labels["worker"] = worker.name;
  return labels;
}

bool suits(const Offer& offer, const Demand& demand) {
  const bool launcher = demand.launcher == Launcher::kDefault ||
                        std::find(offer.launchers.begin(), offer.launchers.end(),
                                  demand.launcher) != offer.launchers.end();
  return launcher && constraints_hold(demand.constraints, offer.labels);
}

bool could_hold(const Offer& offer, const Demand& demand) {
  return fits(demand.amounts, {}, offer.total) && suits(offer, demand);  // the quick one first
}

}  // namespace takt
