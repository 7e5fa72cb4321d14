// SPDX-License-Identifier: Apache-2.0
// One output stream of an attempt, read by offset across its files. Guarantees: bytes come from
// where they stood in the stream; what was not kept is passed over. Blocks on the disk only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attempt/output_files.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::worker {

class StreamReader {
 public:
  // `folder` must outlive this.
  StreamReader(int folder, attempt::Stream stream) : folder_(folder), stream_(stream) {}

  // Which files there are now. Nothing is known of later ones before the next call.
  void refresh(const attempt::OutputFiles& files) { starts_ = files.streams[index_of(stream_)]; }

  struct Extent {
    std::uint64_t end = 0;
    std::optional<WallTime> last_write;  // of the last file
  };
  // How far the files reach now.
  [[nodiscard]] Result<Extent> extent();

  // Puts up to `most` bytes that stand at `from` or behind it, and before `end`, into `data`;
  // returns where the first stands. None: nothing was kept there.
  Result<std::uint64_t> read(std::uint64_t from, std::uint64_t end, std::size_t most,
                             std::string& data);

 private:
  // False if the file is gone.
  Result<bool> open(std::uint64_t start);

  int folder_;
  attempt::Stream stream_;
  std::vector<std::uint64_t> starts_;
  UniqueFd file_;
  std::uint64_t file_start_ = 0;
};

}  // namespace takt::worker
