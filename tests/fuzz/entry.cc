// SPDX-License-Identifier: Apache-2.0
// What libFuzzer calls; says at the end how many inputs the parser took.
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "fuzz/fuzz.h"

namespace {

struct Tally {
  std::uint64_t taken = 0;
  ~Tally() { std::fprintf(stderr, "takt::taken: %llu\n", static_cast<unsigned long long>(taken)); }
};
Tally tally;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (takt::fuzz::feed({reinterpret_cast<const char*>(data), size})) ++tally.taken;
  return 0;
}
