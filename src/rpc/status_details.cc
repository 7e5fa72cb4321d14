// SPDX-License-Identifier: Apache-2.0
#include "rpc/status_details.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>

namespace takt::rpc {
namespace {

using google::protobuf::Any;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

// google.rpc.Status: int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3.
constexpr int kCodeField = 1;
constexpr int kMessageField = 2;
constexpr int kDetailsField = 3;

// google.rpc.BadRequest: repeated FieldViolation field_violations = 1; of a violation: string field
// = 1; string description = 2.
constexpr const char* kBadRequest = "type.googleapis.com/google.rpc.BadRequest";
constexpr int kViolationsField = 1;
constexpr int kFieldField = 1;
constexpr int kDescriptionField = 2;

template <class Write>
std::string written(Write write) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    CodedOutputStream out(&stream);
    write(out);
  }
  return bytes;
}

// Calls `read` with the number and the bytes of each field of type string or message; false if the
// bytes are torn.
template <class Read>
bool each_field(const std::string& bytes, Read read) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    std::string value;
    if (!WireFormatLite::ReadBytes(&in, &value)) return false;
    read(WireFormatLite::GetTagFieldNumber(tag), value);
  }
  return true;
}

std::string bad_request(const std::vector<Violation>& violations) {
  return written([&](CodedOutputStream& out) {
    for (const Violation& violation : violations) {
      const std::string one = written([&](CodedOutputStream& inner) {
        WireFormatLite::WriteString(kFieldField, violation.field, &inner);
        WireFormatLite::WriteString(kDescriptionField, violation.description, &inner);
      });
      WireFormatLite::WriteBytes(kViolationsField, one, &out);
    }
  });
}

bool read_bad_request(const std::string& bytes, std::vector<Violation>& violations) {
  bool whole = true;
  const bool read = each_field(bytes, [&](int number, const std::string& one) {
    if (number != kViolationsField) return;
    Violation violation;
    whole = each_field(one,
                       [&](int field, const std::string& text) {
                         if (field == kFieldField) violation.field = text;
                         if (field == kDescriptionField) violation.description = text;
                       }) &&
            whole;
    violations.push_back(std::move(violation));
  });
  return read && whole;
}

}  // namespace

std::string pack_details(grpc::StatusCode code, const std::string& message,
                         const Details& details) {
  Any error;
  error.PackFrom(details.error);
  return written([&](CodedOutputStream& out) {
    WireFormatLite::WriteInt32(kCodeField, code, &out);
    WireFormatLite::WriteString(kMessageField, message, &out);
    WireFormatLite::WriteString(kDetailsField, error.SerializeAsString(), &out);
    if (details.violations.empty()) return;
    Any request;
    request.set_type_url(kBadRequest);
    request.set_value(bad_request(details.violations));
    WireFormatLite::WriteString(kDetailsField, request.SerializeAsString(), &out);
  });
}

std::optional<Details> unpack_details(const std::string& bytes) {
  Details details;
  bool found = false;
  bool whole = true;
  const bool read = each_field(bytes, [&](int number, const std::string& packed) {
    Any any;
    if (number != kDetailsField || !any.ParseFromString(packed)) return;
    if (any.type_url() == kBadRequest) {
      whole = read_bad_request(any.value(), details.violations) && whole;
    } else if (!found) {
      found = any.UnpackTo(&details.error);
    }
  });
  if (!read || !whole || !found) return std::nullopt;
  return details;
}

}  // namespace takt::rpc
