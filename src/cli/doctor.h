// SPDX-License-Identifier: Apache-2.0
// What takt doctor looks at on this host. Guarantees: changes nothing; each finding that is bad
// says what to do; the order is that in which things have to be mended, for what comes later may
// need what comes before.
#pragma once

#include <string>
#include <vector>

#include "takt/v1/worker.pb.h"

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

// Whether the clock is kept by somebody: times of jobs are told by it.
Finding check_clock();

// The fleet, as the scheduler tells of it.
Findings check_fleet(const std::vector<v1::Worker>& workers);

// As it is printed: a line each, and a second one for what to do.
std::string findings_text(const Findings& findings, bool colour);

}  // namespace takt::cli
