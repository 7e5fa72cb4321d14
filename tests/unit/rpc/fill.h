// SPDX-License-Identifier: Apache-2.0
// Fills messages by their descriptors, so that tests reach fields that are added later.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <string>

namespace takt::test {

// Puts some value that is not the default into the field, whatever its type.
void set_something(google::protobuf::Message& message,
                   const google::protobuf::FieldDescriptor& field);

// The same for every field, those of the messages within too.
void fill(google::protobuf::Message& message);

// Gives every time and span in the message, and in those within, these numbers.
void set_times(google::protobuf::Message& message, std::int64_t seconds, std::int32_t nanos);

// The names of the string fields, also of messages within, that are not UTF-8.
std::string bad_texts(const google::protobuf::Message& message);

}  // namespace takt::test
