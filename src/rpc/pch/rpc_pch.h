// SPDX-License-Identifier: Apache-2.0
// Precompiled: gRPC's headers cost more to read than all of ours.
#ifndef TAKT_RPC_PCH_H
#define TAKT_RPC_PCH_H

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#endif
