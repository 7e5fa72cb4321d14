// SPDX-License-Identifier: Apache-2.0
// Workers between the API and the domain.
#pragma once

#include <string>

#include "base/result.h"
#include "job/worker.h"
#include "store/types.h"
#include "takt/v1/registry_service.pb.h"
#include "takt/v1/worker.pb.h"
#include "takt/v1/worker_service.pb.h"

namespace takt::scheduler {

// Numbers below zero, unknown launchers and too many entries are kInvalid.
Result<Capacity> capacity_from_proto(const v1::Capacity& message);

v1::Worker worker_to_proto(const store::WorkerView& view);

// A registration as a record: id, name, address, boot and version.
Result<WorkerRecord> worker_from_registration(const v1::RegisterWorkerRequest& request);

// Puts what a worker says of itself into its record, but for its name: that is the one that it
// registered under, which its certificate has been checked for. kInvalid if id or name are not that
// worker's.
Result<void> apply_hello(WorkerRecord& worker, const v1::WorkerHello& hello);

}  // namespace takt::scheduler
