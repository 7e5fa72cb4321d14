// SPDX-License-Identifier: Apache-2.0
// One output stream's file. Guarantees: at most `cap` bytes in it; every byte given is counted as
// written, truncated or lost; a failed write is remembered and never fatal; what was written does
// not stay in the page cache, which counts against the job's own cgroup.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "attempt/records.h"
#include "base/unique_fd.h"

namespace takt::supervisor {

class OutputFile {
 public:
  // In `folder`, which must outlive this. Nothing is made before create() or the first byte.
  OutputFile(int folder, std::string name, std::uint64_t cap_bytes)
      : folder_(folder), name_(std::move(name)), cap_bytes_(cap_bytes) {}

  void create();
  void append(std::string_view bytes);

  [[nodiscard]] const attempt::StreamTotals& totals() const { return totals_; }

 private:
  bool open();
  void drop_behind();
  void lose(std::size_t bytes, int error_number);

  int folder_;
  std::string name_;
  std::uint64_t cap_bytes_;
  UniqueFd file_;
  attempt::StreamTotals totals_;
  std::uint64_t pushed_bytes_ = 0;  // whose write-back was begun
};

}  // namespace takt::supervisor
