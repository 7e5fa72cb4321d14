// SPDX-License-Identifier: Apache-2.0
// A status with its details, as the other side of a call answers: command line, worker and
// scheduler read it. What is read of it can be shown and sent on: valid UTF-8, within a trailer,
// and read again as the same error.
#include <algorithm>

#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "rpc/status.h"
#include "rpc/status_details.h"

namespace takt::fuzz {
namespace {

constexpr std::size_t kTrailersMax = 8192;  // what gRPC takes of all of them

void expect_clean(const Error& error) {
  TAKT_CHECK(is_utf8(error.message) && is_utf8(error.field), "a text is not UTF-8");
  for (const Error& more : error.more)
    TAKT_CHECK(is_utf8(more.message) && is_utf8(more.field), "a text is not UTF-8");
}

bool same(const Error& one, const Error& other) {
  return one.code == other.code && one.message == other.message && one.field == other.field &&
         one.error_number == other.error_number;
}

// A status of our own is read as what it was made of, unless its text is another program's.
void expect_sent_on(const Error& error) {
  const grpc::Status sent = rpc::to_status(error);
  TAKT_CHECK(sent.error_message().size() * 3 + sent.error_details().size() * 4 / 3 < kTrailersMax,
             "an error does not fit the trailers");
  TAKT_CHECK(is_utf8(sent.error_message()), "a text is not UTF-8");
  if (sent.error_message().find(rpc::kServerRefused) != std::string::npos) return;
  const Error read = rpc::from_status(sent);
  expect_clean(read);
  TAKT_CHECK(same(rpc::from_status(rpc::to_status(read)), read), "sent on, it is another error");
}

}  // namespace

// Code, length of the message, message, details.
bool feed(std::string_view input) {
  if (input.size() < 2) return false;
  const auto code = static_cast<grpc::StatusCode>(1 + static_cast<unsigned char>(input[0]) % 17);
  const std::size_t length =
      std::min<std::size_t>(static_cast<unsigned char>(input[1]) * 8U, input.size() - 2);
  const std::string message(input.substr(2, length));
  const std::string details(input.substr(2 + length));
  const Error error = rpc::from_status(grpc::Status(code, message, details));
  TAKT_CHECK(!error.message.empty(), "an error without a text");
  expect_clean(error);
  expect_sent_on(error);
  const auto unpacked = rpc::unpack_details(details);
  if (!unpacked) return false;
  const auto again = rpc::unpack_details(rpc::pack_details(code, message, *unpacked));
  TAKT_CHECK(again.has_value() && again->violations == unpacked->violations &&
                 again->error.reason() == unpacked->error.reason(),
             "packed again, the details are others");
  return true;
}

}  // namespace takt::fuzz
