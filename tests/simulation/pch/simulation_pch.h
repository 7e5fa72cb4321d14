// SPDX-License-Identifier: Apache-2.0
// Precompiled: gRPC's headers cost more to read than all of ours.
#ifndef TAKT_SIMULATION_PCH_H
#define TAKT_SIMULATION_PCH_H

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

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
