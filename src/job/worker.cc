// SPDX-License-Identifier: Apache-2.0
#include "job/worker.h"

namespace takt {

std::string_view worker_state_name(WorkerState state) {
  switch (state) {
    case WorkerState::kReady:
      return "ready";
    case WorkerState::kUnreachable:
      return "unreachable";
    case WorkerState::kLost:
      return "lost";
    case WorkerState::kAway:
      return "away";
    case WorkerState::kDraining:
      return "draining";
  }
  return "unknown";
}

WorkerState shown_state(const WorkerRecord& worker) {
  return worker.drain && worker.state == WorkerState::kReady ? WorkerState::kDraining
                                                             : worker.state;
}

}  // namespace takt
