// SPDX-License-Identifier: Apache-2.0
// Precompiled: gRPC's and GoogleTest's headers cost more to read than all of ours.
#ifndef TAKT_RPC_TEST_PCH_H
#define TAKT_RPC_TEST_PCH_H

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#endif
