// SPDX-License-Identifier: Apache-2.0
// Precompiled: gRPC's headers cost more to read than all of ours.
#ifndef TAKT_SCHEDULER_PCH_H
#define TAKT_SCHEDULER_PCH_H

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"
#include "takt/v1/registry_service.grpc.pb.h"
#include "takt/v1/worker_service.grpc.pb.h"

#endif
