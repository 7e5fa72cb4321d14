// SPDX-License-Identifier: Apache-2.0
// Every configuration file there is, with its table of keys, as the sample files and manual pages
// are written from.
#pragma once

#include <vector>

#include "config/client_config.h"
#include "config/key_table.h"
#include "config/scheduler_config.h"
#include "config/worker_config.h"

namespace takt::config {

const std::vector<Key<WorkerConfig>>& worker_keys();
const std::vector<Key<SchedulerConfig>>& scheduler_keys();
const std::vector<Key<ClientConfig>>& client_keys();

const FileInfo& worker_file();
const FileInfo& scheduler_file();
const FileInfo& client_file();

// What a worker's configuration takes from its host.
struct WorkerHost {
  std::string host_name;
  std::int64_t processors = 1;
  std::string supervisor;  // where takt-supervisor is installed
};

// Fills in what was not given and checks what concerns more than one key. kInvalid with one line
// for each mistake.
Result<void> complete(WorkerConfig& config, const WorkerHost& host);
Result<void> complete(SchedulerConfig& config);

}  // namespace takt::config
