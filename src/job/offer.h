// SPDX-License-Identifier: Apache-2.0
// What a worker offers to jobs that wait. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/uuid.h"
#include "job/amounts.h"
#include "job/queue.h"
#include "job/worker.h"

namespace takt {

struct Offer {
  Uuid worker_id;
  WorkerState state = WorkerState::kUnreachable;  // for people
  bool open = false;                              // may be sent jobs now
  Labels labels;                                  // with "worker", its name
  std::vector<Launcher> launchers;
  Amounts total;
  Amounts direct;  // used by jobs that did not come from the scheduler
  Amounts used;    // by all jobs on it
};

// The offer of a worker that has no job of the scheduler; `open`: it may be sent jobs.
Offer offer_of(const WorkerRecord& worker, bool open);

// The labels that constraints see: the worker's own, and "worker" for its name.
Labels effective_labels(const WorkerRecord& worker);

// Whether a worker could be asked to take such a job at all: by launcher and constraints.
bool suits(const Offer& offer, const Demand& demand);

// Whether it could if nothing else were on it.
bool could_hold(const Offer& offer, const Demand& demand);

}  // namespace takt
