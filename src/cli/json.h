// SPDX-License-Identifier: Apache-2.0
// --json: the API's own messages in protobuf's JSON form, on one line. Names as in the .proto
// files; fields without presence are always printed (also 0, "", [] and false), so that a script
// finds them; what is unknown (an `optional` field or a message that is not set) is left out, never
// 0. As always in that form, 64-bit integers are strings and bytes are base64.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace takt::cli {

// Without a line end. Never fails: a value that the JSON form cannot hold is printed as the nearest
// one that it can.
std::string to_json(const google::protobuf::Message& message);

}  // namespace takt::cli
