// SPDX-License-Identifier: Apache-2.0
#include "unit/rpc/fill.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <vector>

#include "base/utf8.h"

namespace takt::test {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void set_something(Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return many ? reflection->AddString(&message, &field, "x")
                  : reflection->SetString(&message, &field, "x");
    case FieldDescriptor::CPPTYPE_INT32:
      return many ? reflection->AddInt32(&message, &field, 7)
                  : reflection->SetInt32(&message, &field, 7);
    case FieldDescriptor::CPPTYPE_INT64:
      return many ? reflection->AddInt64(&message, &field, 7)
                  : reflection->SetInt64(&message, &field, 7);
    case FieldDescriptor::CPPTYPE_UINT32:
      return many ? reflection->AddUInt32(&message, &field, 7)
                  : reflection->SetUInt32(&message, &field, 7);
    case FieldDescriptor::CPPTYPE_UINT64:
      return many ? reflection->AddUInt64(&message, &field, 7)
                  : reflection->SetUInt64(&message, &field, 7);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection->SetDouble(&message, &field, 7);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection->SetFloat(&message, &field, 7);
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? reflection->AddBool(&message, &field, true)
                  : reflection->SetBool(&message, &field, true);
    case FieldDescriptor::CPPTYPE_ENUM:
      return many ? reflection->AddEnum(&message, &field, field.enum_type()->value(1))
                  : reflection->SetEnum(&message, &field, field.enum_type()->value(1));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return fill(many ? *reflection->AddMessage(&message, &field)
                       : *reflection->MutableMessage(&message, &field));
  }
}

void fill(Message& message) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i)
    set_something(message, *message.GetDescriptor()->field(i));
}

void set_times(Message& message, std::int64_t seconds, std::int32_t nanos) {
  if (auto* time = dynamic_cast<google::protobuf::Timestamp*>(&message)) {
    time->set_seconds(seconds);
    time->set_nanos(nanos);
    return;
  }
  if (auto* span = dynamic_cast<google::protobuf::Duration*>(&message)) {
    span->set_seconds(seconds);
    span->set_nanos(nanos);
    return;
  }
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    if (!field->is_repeated()) {
      set_times(*reflection->MutableMessage(&message, field), seconds, nanos);
      continue;
    }
    for (int at = 0; at < reflection->FieldSize(message, field); ++at)
      set_times(*reflection->MutableRepeatedMessage(&message, field, at), seconds, nanos);
  }
}

std::string bad_texts(const Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  std::string names;
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int at = 0; at < count; ++at) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        names += bad_texts(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, at)
                                                : reflection->GetMessage(message, field));
      } else if (field->type() == FieldDescriptor::TYPE_STRING) {
        const std::string text = field->is_repeated()
                                     ? reflection->GetRepeatedString(message, field, at)
                                     : reflection->GetString(message, field);
        if (!is_utf8(text)) names += field->name() + " ";
      }
    }
  }
  return names;
}

}  // namespace takt::test
