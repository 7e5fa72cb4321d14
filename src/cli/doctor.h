// SPDX-License-Identifier: Apache-2.0
// What takt doctor looks at on this host. Guarantees: changes nothing; each finding that is bad
// says what to do; the order is that in which things have to be mended, for what comes later may
// need what comes before.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "config/worker_config.h"
#include "takt/v1/operator_service.pb.h"

namespace takt::cli {

enum class Verdict {
  kGood,
  kNote,  // works, but somebody might want to know
  kBad,
};

struct Finding {
  Verdict verdict = Verdict::kGood;
  std::string what;    // one sentence, without its full stop
  std::string remedy;  // what to do about it; empty for a good one
};
using Findings = std::vector<Finding>;

// The configuration files of the programs that are installed here.
Findings check_configuration();

// Whether a worker can run jobs here, as its host lets it. Nothing where no worker is installed.
Findings check_worker_host();

// Limits that worker.conf puts on each job and that this host cannot enforce for want of a
// controller: jobs are refused then.
Findings check_limits(const config::WorkerConfig& config, const std::vector<std::string>& missing);

// Whether the clock is kept by somebody: times of jobs are told by it.
Finding check_clock();

// The scheduler's version and clock, beside this program's and this host's; it was asked and has
// answered at these times.
Findings check_scheduler(const v1::ListWorkersResponse& answer, WallTime asked, WallTime answered);

// The fleet, as the scheduler tells of it.
Findings check_fleet(const std::vector<v1::Worker>& workers);

// As it is printed: a line each, and a second one for what to do.
std::string findings_text(const Findings& findings, bool colour);

}  // namespace takt::cli
