// SPDX-License-Identifier: Apache-2.0
// Precompiled: gRPC's headers cost more to read than all of ours.
#ifndef TAKT_COMPAT_PCH_H
#define TAKT_COMPAT_PCH_H

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "takt/v1/worker_service.grpc.pb.h"

#endif
