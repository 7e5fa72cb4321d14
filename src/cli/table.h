// SPDX-License-Identifier: Apache-2.0
// Aligned tables: no borders, upper-case headings, "-" for nothing. Guarantees: columns only grow
// from one page to the next; lines are cut on a terminal only, and never within a character.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace takt::cli {

// The first `width` characters; the last one is the mark that something is missing. 0: all.
std::string cut_to(const std::string& text, std::size_t width, bool utf8);

// Characters that a terminal shows for UTF-8 text.
std::size_t display_width(std::string_view text);

class Table {
 public:
  Table(std::vector<std::string> headings, const Screen& screen);

  // Makes a column at least so wide, where the first rows do not tell what comes.
  void widen(std::size_t column, std::size_t width);

  // One cell for each heading; an empty one is shown as "-".
  void add(std::vector<std::string> cells);

  [[nodiscard]] std::size_t rows() const { return rows_.size(); }

  // The rows added since the last call, the first time with the headings above them.
  std::string take();

 private:
  std::string line(const std::vector<std::string>& cells) const;

  std::vector<std::string> headings_;
  Screen screen_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
  bool headed_ = false;
};

}  // namespace takt::cli
