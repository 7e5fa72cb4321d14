// SPDX-License-Identifier: Apache-2.0
// Output of a job, byte for byte to the descriptors that it came from. Guarantees: a broken stream
// is taken up at the byte where it was; no byte comes twice; bytes that were not kept are told of,
// never passed over.
#pragma once

#include <array>
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

enum class OutputForm {
  kBytes,
  kTimestamps,  // each line after the time when it came
  kJson,        // the API's messages
};

class Follower {
 public:
  // `request` says which output; its job id is a whole UUID.
  Follower(Client& client, Console& console, v1::ReadOutputRequest request, OutputForm form);

  // Reads until one of the ends. Call it again after kInterrupted only.
  FollowEnd run();

  [[nodiscard]] const Error& error() const { return error_; }

  // Whose output it is; 0 as long as nothing has come.
  [[nodiscard]] int attempt() const { return request_.attempt(); }

 private:
  // What is to be written and may be cut by a signal; its bytes count as shown.
  struct Unsent {
    bool error = false;
    std::string text;
  };

  grpc::Status read_stream();
  WriteEnd take(const v1::ReadOutputResponse& piece);
  WriteEnd take_chunk(const v1::OutputChunk& chunk);
  WriteEnd take_bytes(bool error, std::string_view data);
  WriteEnd take_lines(bool error, std::string_view data, const v1::OutputChunk& chunk);
  WriteEnd take_json(const v1::ReadOutputResponse& piece);
  WriteEnd flush();
  // What a stream's end means; nothing: try again.
  std::optional<FollowEnd> judge(const grpc::Status& status);
  std::optional<FollowEnd> try_later(const std::string& what);
  [[nodiscard]] bool worth_waiting();
  [[nodiscard]] std::int64_t offset(bool error) const;
  void advance(bool error, std::int64_t to);
  // The whole chunk is dealt with.
  void advance(const v1::OutputChunk& chunk);

  Client& client_;
  Console& console_;
  v1::ReadOutputRequest request_;
  OutputForm form_;
  Outage outage_;
  Error error_;
  Unsent unsent_;
  std::array<bool, 2> inside_line_{};  // of standard output, error
  WriteEnd written_ = WriteEnd::kDone;
  bool complete_ = false;
};

}  // namespace takt::cli
