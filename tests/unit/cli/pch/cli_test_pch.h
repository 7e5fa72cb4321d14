// SPDX-License-Identifier: Apache-2.0
// Precompiled: what is slow to read.
#ifndef TAKT_CLI_TEST_PCH_H
#define TAKT_CLI_TEST_PCH_H

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "takt/v1/job_service.grpc.pb.h"
#include "takt/v1/operator_service.grpc.pb.h"

#endif
