// SPDX-License-Identifier: Apache-2.0
// Output of a job, byte for byte to the descriptors that it came from. Guarantees: a broken stream
// is taken up at the byte where it was; no byte comes twice; bytes that were not kept are told of,
// never passed over.
#pragma once

#include <cstdint>
#include <string>

#include "cli/client.h"
#include "cli/console.h"
#include "cli/outage.h"

namespace takt::cli {

enum class FollowEnd {
  kComplete,     // all there is (following: all there will ever be) is written
  kInterrupted,  // a signal is pending; run() goes on where it was
  kClosed,       // nobody reads our output any more
  kWriteFailed,  // our output cannot be written; error() says why
  kFailed,       // the output cannot be read; error() says why
};

class Follower {
 public:
  // `request` says which output; its job id is a whole UUID. With `json`, each piece is printed as
  // the API's message instead.
  Follower(Client& client, Console& console, v1::ReadOutputRequest request, bool json);

  // Reads until one of the ends. Call it again after kInterrupted only.
  FollowEnd run();

  [[nodiscard]] const Error& error() const { return error_; }

 private:
  grpc::Status read_stream();
  WriteEnd take(const v1::ReadOutputResponse& piece);
  WriteEnd take_bytes(const v1::OutputChunk& chunk);
  WriteEnd take_json(const v1::ReadOutputResponse& piece);
  WriteEnd flush();
  // What a stream's end means; nothing: try again.
  std::optional<FollowEnd> judge(const grpc::Status& status);
  std::optional<FollowEnd> try_later(const std::string& what);
  [[nodiscard]] bool worth_waiting();
  [[nodiscard]] std::int64_t offset(bool error) const;
  void advance(bool error, std::int64_t to);

  Client& client_;
  Console& console_;
  v1::ReadOutputRequest request_;
  bool json_;
  Outage outage_;
  Error error_;
  std::string unsent_;  // of a JSON line that a signal cut
  WriteEnd written_ = WriteEnd::kDone;
  bool complete_ = false;
};

}  // namespace takt::cli
