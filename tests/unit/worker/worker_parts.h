// SPDX-License-Identifier: Apache-2.0
// What takes a worker's attempts from their start to their end. To be declared before the
// WorkerCore that it was made of: the loop calls it at the end of each iteration.
#pragma once

#include "unit/worker/worker_core.h"
#include "worker/ending.h"
#include "worker/launch.h"
#include "worker/pausing.h"
#include "worker/recovery.h"
#include "worker/starting.h"
#include "worker/stopping.h"

namespace takt::worker {

struct WorkerParts {
  // On the loop.
  explicit WorkerParts(Core& core)
      : ending(core),
        launch(core, ending),
        stopping(core, launch, ending),
        pausing(core),
        recovery(core, ending, stopping, pausing),
        starting(core, launch, recovery) {}

  Ending ending;
  Launch launch;
  Stopping stopping;
  Pausing pausing;
  Recovery recovery;
  Starting starting;
};

}  // namespace takt::worker
