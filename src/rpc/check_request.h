// SPDX-License-Identifier: Apache-2.0
// What holds for every request, whatever it asks for: checked before anything of it is used, by its
// descriptor, so that a field that is added later is checked as well.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "base/result.h"

namespace takt::rpc {

// kInvalid, naming the field, unless the time is well formed and in the years 1970 to 9999.
Result<void> check_time(const google::protobuf::Timestamp& time, const std::string& field);

// kInvalid, naming the field, unless the span is well formed and from 0 to limits::kSpanMax. Where
// a field allows less, that is checked where the field is read.
Result<void> check_span(const google::protobuf::Duration& span, const std::string& field);

// kInvalid for the first Timestamp or Duration in the message, or in a message within, that
// check_time() or check_span() refuses; the field is its path ("specs[3].not_before_time").
Result<void> check_request(const google::protobuf::Message& request);

}  // namespace takt::rpc
