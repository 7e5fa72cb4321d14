// SPDX-License-Identifier: Apache-2.0
#include "rpc/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "rpc/status_details.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;

constexpr ErrorCode kAllCodes[] = {
    ErrorCode::kInvalid,
    ErrorCode::kNotFound,
    ErrorCode::kExists,
    ErrorCode::kFailedPrecondition,
    ErrorCode::kPermissionDenied,
    ErrorCode::kUnavailable,
    ErrorCode::kResourceExhausted,
    ErrorCode::kUnimplemented,
    ErrorCode::kDeadlineExceeded,
    ErrorCode::kCancelled,
    ErrorCode::kDataLoss,
    ErrorCode::kInternal,
    ErrorCode::kSystem,
};

TEST(Status, EveryErrorComesBackAsItWent) {
  std::set<grpc::StatusCode> codes;
  for (const ErrorCode code : kAllCodes) {
    Error error = make_error(code, "speck \"\u00fcber\" 100%");
    error.field = "spec.argv[3]";
    error.error_number = code == ErrorCode::kSystem ? 13 : 0;
    const grpc::Status status = to_status(error);
    EXPECT_EQ(status.error_message(), error.message);
    EXPECT_EQ(from_status(status), error);
    codes.insert(status.error_code());
  }
  EXPECT_EQ(codes.size(), std::size(kAllCodes)) << "kinds map one to one";
  EXPECT_EQ(codes.count(grpc::StatusCode::OK), 0U);
}

TEST(Status, EachWrongFieldIsAViolationOfAGoogleRpcBadRequest) {
  Error error = invalid("spec.nice", "70 is too much");
  error.more = {invalid("spec.user", "is empty"), invalid("spec.argv[3]", "\u00fcber")};
  const grpc::Status status = to_status(error);
  EXPECT_EQ(from_status(status), error);
  EXPECT_THAT(status.error_details(), HasSubstr("type.googleapis.com/google.rpc.BadRequest"));
  const auto details = unpack_details(status.error_details());
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->violations[0], (Violation{"spec.nice", "spec.nice: 70 is too much"}));
}

TEST(Status, MoreProblemsThanATrailerHoldsAreLeftOut) {
  Error error = invalid("spec.nice", "70 is too much");
  for (int at = 0; at < 100; ++at)
    error.more.push_back(invalid("spec.argv", std::string(400, 'x')));
  const grpc::Status status = to_status(error);
  EXPECT_LT(status.error_details().size() + status.error_message().size() * 3, 8192U);
  const std::size_t told = from_status(status).more.size();
  EXPECT_GT(told, 2U);
  EXPECT_LT(told, 100U);
}

TEST(Status, DetailsAreAGoogleRpcStatus) {
  // 08 <code> 12 <message> 1a <Any>: what other languages' libraries decode.
  const grpc::Status status = to_status(invalid("spec", "bad"));
  const std::string bytes = status.error_details();
  EXPECT_EQ(bytes.substr(0, 2), std::string("\x08\x03"));
  EXPECT_EQ(bytes.substr(2, 2) + bytes.substr(4, status.error_message().size()),
            std::string("\x12") + static_cast<char>(status.error_message().size()) +
                status.error_message());
  EXPECT_THAT(bytes, HasSubstr("type.googleapis.com/takt.v1.ErrorDetail"));
}

TEST(Status, ForeignAndTornDetailsAreIgnored) {
  for (const std::string details : {"", "\x08", "\x1a\x7f", "rubbish", "\x1a\x02\xff\xff"}) {
    const Error error =
        from_status(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such job", details));
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_EQ(error.message, "no such job");
    EXPECT_EQ(error.field, "");
  }
}

TEST(Status, WhatGrpcSaysIsExplained) {
  const Error gone = from_status(grpc::Status(grpc::StatusCode::UNAVAILABLE, "connection refused"));
  EXPECT_EQ(gone.code, ErrorCode::kUnavailable);
  EXPECT_THAT(gone.message, HasSubstr("connection refused"));
  EXPECT_THAT(gone.message, HasSubstr("is it running"));
  EXPECT_EQ(from_status(grpc::Status(grpc::StatusCode::ABORTED, "x")).code,
            ErrorCode::kUnavailable);
  EXPECT_EQ(from_status(grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "x")).code,
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(from_status(grpc::Status(grpc::StatusCode::UNKNOWN, "x")).code, ErrorCode::kInternal);
}

TEST(Status, ALongMessageFitsTheTrailer) {
  const grpc::Status status =
      to_status(invalid(std::string(5000, 'f'), std::string(100000, '\xff')));
  EXPECT_LE(status.error_message().size(), 1024U);
  EXPECT_LE(status.error_details().size(), 2048U);
}

}  // namespace
}  // namespace takt::rpc
