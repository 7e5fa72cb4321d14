// SPDX-License-Identifier: Apache-2.0
// What attempts use, and what is left of them, between the API and the domain.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <vector>

#include "job/job.h"
#include "takt/v1/job.pb.h"

namespace takt::rpc {

v1::Usage usage_to_proto(const Usage& usage);
Usage usage_from_proto(const v1::Usage& message);

v1::Process process_to_proto(const RemainingProcess& process);
// At most limits::kRemainingMax of them.
std::vector<RemainingProcess> remaining_from_proto(
    const google::protobuf::RepeatedPtrField<v1::Process>& messages);

}  // namespace takt::rpc
