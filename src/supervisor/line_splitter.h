// SPDX-License-Identifier: Apache-2.0
// Cuts a stream of bytes into lines. Guarantees: every byte but the newlines comes out once and in
// order; never holds more than one line; a line over the bound comes out in pieces.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace takt::supervisor {

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t line_max_bytes) : line_max_bytes_(line_max_bytes) {}

  // Calls emit(std::string_view) for every line that is complete now.
  template <class Emit>
  void feed(std::string_view bytes, Emit&& emit) {
    while (!bytes.empty()) {
      const std::size_t room = line_max_bytes_ - rest_.size();
      const std::size_t newline = bytes.substr(0, room + 1).find('\n');
      const bool whole = newline != std::string_view::npos;
      const std::size_t taken = whole ? newline : std::min(room, bytes.size());
      const std::string_view piece = bytes.substr(0, taken);
      bytes.remove_prefix(whole ? taken + 1 : taken);
      if (!whole && bytes.empty()) {
        rest_.append(piece);
        return;
      }
      if (rest_.empty()) {
        emit(piece);
        continue;
      }
      rest_.append(piece);
      emit(std::string_view(rest_));
      rest_.clear();
    }
  }

  // Emits what never got its newline.
  template <class Emit>
  void finish(Emit&& emit) {
    if (!rest_.empty()) emit(std::string_view(rest_));
    rest_.clear();
  }

 private:
  std::size_t line_max_bytes_;
  std::string rest_;
};

}  // namespace takt::supervisor
