// SPDX-License-Identifier: Apache-2.0
// Mutates framed records (magic, version, length, CRC-32, payload) behind their seal: the payload
// is changed and the header made to fit, else hardly an input would get past the CRC. One time in
// 16 the bytes are changed as they are, so that the frame gets its share.
#include <cstddef>
#include <cstdint>

#include "base/codec.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max);

namespace {

constexpr std::size_t kLengthAt = 5;
constexpr std::size_t kSumAt = 9;
constexpr std::size_t kHeaderBytes = 13;

void put(std::uint8_t* at, std::size_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max, unsigned int seed) {
  if (seed % 16 == 0 || size < kHeaderBytes || max <= kHeaderBytes)
    return LLVMFuzzerMutate(data, size, max);
  std::uint8_t* const payload = data + kHeaderBytes;
  const std::size_t length = LLVMFuzzerMutate(payload, size - kHeaderBytes, max - kHeaderBytes);
  put(data + kLengthAt, length);
  put(data + kSumAt, takt::crc32({reinterpret_cast<const char*>(payload), length}));
  return kHeaderBytes + length;
}
