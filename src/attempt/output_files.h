// SPDX-License-Identifier: Apache-2.0
// Where an attempt's output is. The file `stdout` holds the first bytes of that stream, a file
// `stdout.<offset>` those from that offset of the stream on; what lies between the end of one file
// and the begin of the next was not kept. So offsets are those of the original stream, whatever was
// dropped, and folder and sizes alone say what is there. `timeline` goes on in `timeline.<number>`.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attempt/folder.h"
#include "base/result.h"

namespace takt::attempt {

enum class Stream : std::uint8_t { kStdout = 0, kStderr = 1 };
inline constexpr std::array<Stream, 2> kStreams{Stream::kStdout, Stream::kStderr};

constexpr std::size_t index_of(Stream stream) { return static_cast<std::size_t>(stream); }
constexpr const char* file_of(Stream stream) {
  return stream == Stream::kStdout ? kStdoutFile : kStderrFile;
}

inline constexpr mode_t kOutputMode = 0640;  // of every file described here

// A number of bytes of each stream, by index_of.
using Offsets = std::array<std::uint64_t, kStreams.size()>;

// "stdout", or "stdout.<start>" if `start` is not 0.
std::string piece_name(std::string_view file, std::uint64_t start);

struct OutputFiles {
  // The offsets at which the files of each stream begin, ascending.
  std::array<std::vector<std::uint64_t>, kStreams.size()> streams;
  std::vector<std::uint64_t> timeline;  // numbers, ascending; 0 is the file without one
};

// Reads the folder. Other files are passed over.
Result<OutputFiles> list_output_files(int folder);

}  // namespace takt::attempt
