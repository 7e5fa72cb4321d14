// SPDX-License-Identifier: Apache-2.0
// Precompiled: what nearly every file here includes, and what is slow to read.
#ifndef TAKT_CLI_PCH_H
#define TAKT_CLI_PCH_H

#include <grpcpp/grpcpp.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"

#endif
