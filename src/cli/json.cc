// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;

void repair(Message& message);

void repair_text(Message& message, const FieldDescriptor& field) {
  if (field.type() != FieldDescriptor::TYPE_STRING) return;
  const auto* reflection = message.GetReflection();
  if (!field.is_repeated()) {
    std::string text = reflection->GetString(message, &field);
    return reflection->SetString(&message, &field, clean_text(text));
  }
  for (int at = 0; at < reflection->FieldSize(message, &field); ++at) {
    std::string text = reflection->GetRepeatedString(message, &field, at);
    reflection->SetRepeatedString(&message, &field, at, clean_text(text));
  }
}

void repair_within(Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  if (!field.is_repeated()) return repair(*reflection->MutableMessage(&message, &field));
  for (int at = 0; at < reflection->FieldSize(message, &field); ++at)
    repair(*reflection->MutableRepeatedMessage(&message, &field, at));
}

// Brings what the JSON form cannot hold to the nearest value that it can: a time outside of the
// years 1 to 9999, a span of more than 10,000 years, a text that is not UTF-8.
void repair(Message& message) {
  if (auto* time = dynamic_cast<Timestamp*>(&message)) {
    *time = rpc::time_to_proto(rpc::time_from_proto(*time));
    return;
  }
  if (auto* span = dynamic_cast<Duration*>(&message)) {
    *span = rpc::duration_to_proto(rpc::raw_duration(*span));
    return;
  }
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      repair_within(message, *field);
    } else {
      repair_text(message, *field);
    }
  }
}

bool print(const Message& message, std::string& text) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
#if GOOGLE_PROTOBUF_VERSION >= 5026000
  options.always_print_fields_with_no_presence = true;
#else
  options.always_print_primitive_fields = true;
#endif
  text.clear();
  return google::protobuf::util::MessageToJsonString(message, &text, options).ok();
}

}  // namespace

std::string to_json(const Message& message) {
  std::string text;
  if (print(message, text)) return text;
  const std::unique_ptr<Message> repaired(message.New());
  repaired->CopyFrom(message);
  repair(*repaired);
  if (print(*repaired, text)) return text;
  return "{}";
}

}  // namespace takt::cli
