// SPDX-License-Identifier: Apache-2.0
#include "rpc/check_request.h"

#include <google/protobuf/descriptor.h>

#include <map>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"

namespace takt::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;

constexpr std::int32_t kNanosPerSecond = 1'000'000'000;

// Walks only through what can hold a time: the thousands of variables of an environment cost
// nothing.
class TimeWalk {
 public:
  Result<void> check(const Message& message, const std::string& path) {
    const auto* reflection = message.GetReflection();
    for (const FieldDescriptor* field : fields_of(message.GetDescriptor())) {
      const std::string name = path + field->name();
      if (!field->is_repeated()) {
        if (!reflection->HasField(message, field)) continue;
        if (auto good = judge(reflection->GetMessage(message, field), name); !good) return good;
        continue;
      }
      for (int at = 0; at < reflection->FieldSize(message, field); ++at) {
        auto good = judge(reflection->GetRepeatedMessage(message, field, at),
                          name + "[" + std::to_string(at) + "]");
        if (!good) return good;
      }
    }
    return {};
  }

 private:
  Result<void> judge(const Message& value, const std::string& path) {
    if (value.GetDescriptor() == Timestamp::descriptor())
      return check_time(static_cast<const Timestamp&>(value), path);
    if (value.GetDescriptor() == Duration::descriptor())
      return check_span(static_cast<const Duration&>(value), path);
    return check(value, path + ".");
  }

  // The fields that are times or can have some within.
  const std::vector<const FieldDescriptor*>& fields_of(const Descriptor* type) {
    const auto [found, first] = fields_.try_emplace(type);
    if (!first) return found->second;
    std::vector<const FieldDescriptor*> fields;
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* const field = type->field(i);
      const Descriptor* const within = field->message_type();
      if (within == nullptr) continue;
      if (within == Timestamp::descriptor() || within == Duration::descriptor() ||
          !fields_of(within).empty())
        fields.push_back(field);
    }
    return fields_[type] = std::move(fields);
  }

  std::map<const Descriptor*, std::vector<const FieldDescriptor*>> fields_;
};

}  // namespace

Result<void> check_time(const Timestamp& time, const std::string& field) {
  const bool formed = time.nanos() >= 0 && time.nanos() < kNanosPerSecond;
  constexpr std::int64_t kLast =
      std::chrono::floor<seconds>(kWallTimeMax).time_since_epoch().count();
  if (formed && time.seconds() >= 0 && time.seconds() <= kLast) return {};
  return invalid(field, std::to_string(time.seconds()) + " s and " + std::to_string(time.nanos()) +
                            " ns since 1970 is not a time of the years 1970 to 9999");
}

Result<void> check_span(const Duration& span, const std::string& field) {
  const bool formed = span.nanos() >= 0 && span.nanos() < kNanosPerSecond;
  constexpr std::int64_t kMost = std::chrono::duration_cast<seconds>(limits::kSpanMax).count();
  if (formed && span.seconds() >= 0 && span.seconds() < kMost) return {};
  return invalid(field, std::to_string(span.seconds()) + " s and " + std::to_string(span.nanos()) +
                            " ns is not from 0 to 10 years");
}

Result<void> check_request(const Message& request) { return TimeWalk().check(request, ""); }

}  // namespace takt::rpc
