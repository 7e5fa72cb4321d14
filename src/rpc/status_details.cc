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

}  // namespace

std::string pack_details(grpc::StatusCode code, const std::string& message,
                         const v1::ErrorDetail& detail) {
  Any any;
  any.PackFrom(detail);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    CodedOutputStream out(&stream);
    WireFormatLite::WriteInt32(kCodeField, code, &out);
    WireFormatLite::WriteString(kMessageField, message, &out);
    WireFormatLite::WriteString(kDetailsField, any.SerializeAsString(), &out);
  }
  return bytes;
}

std::optional<v1::ErrorDetail> unpack_details(const std::string& bytes) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    if (WireFormatLite::GetTagFieldNumber(tag) != kDetailsField) {
      if (!WireFormatLite::SkipField(&in, tag)) return std::nullopt;
      continue;
    }
    std::string packed;
    if (!WireFormatLite::ReadBytes(&in, &packed)) return std::nullopt;
    Any any;
    v1::ErrorDetail detail;
    if (any.ParseFromString(packed) && any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

}  // namespace takt::rpc
