// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"

#include <google/protobuf/util/json_util.h>

#include "base/check.h"

namespace takt::cli {

std::string to_json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
#if GOOGLE_PROTOBUF_VERSION >= 5026000
  options.always_print_fields_with_no_presence = true;
#else
  options.always_print_primitive_fields = true;
#endif
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  TAKT_CHECK(status.ok(), "a message of the API has no JSON form");
  return text;
}

}  // namespace takt::cli
