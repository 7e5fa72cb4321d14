// SPDX-License-Identifier: Apache-2.0
// Which job goes to which worker: first in, first out, to the least loaded worker that fits. Pure.
// Cost: a step for each pair of a waiting line and a worker once a pass, and a step for each job
// that is placed; never one for each job that waits.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/uuid.h"
#include "job/queue.h"
#include "job/worker.h"

namespace takt {

// A worker that may take jobs now.
struct Offer {
  Uuid worker_id;
  Labels labels;  // with "worker", its name
  std::vector<Launcher> launchers;
  int slots = 0;
  int used = 0;  // by jobs of the scheduler and direct ones
  [[nodiscard]] bool has_room() const { return used < slots; }
};

// The labels that constraints see: the worker's own, and "worker" for its name.
Labels effective_labels(const WorkerRecord& worker);

// Whether a worker could ever take such a job, room aside.
bool suits(const Offer& offer, const Demand& demand);

// Whether a worker that suits must not be tried for a line now.
using Excluded = std::function<bool(const Offer&, const Queue::Line&)>;

struct Placement {
  Uuid job_id;
  std::size_t offer = 0;  // index into the offers
};

// Decides for the jobs at the heads of their lines, oldest first, until nothing more fits or `most`
// are placed. Counts them into the offers' `used`; the queue is left as it is.
std::vector<Placement> place(const Queue& queue, std::vector<Offer>& offers, std::size_t most,
                             const Excluded& excluded);

}  // namespace takt
