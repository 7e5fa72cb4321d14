// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>

#include "base/check.h"

namespace takt::cli {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string cut_to(const std::string& text, std::size_t width, bool utf8) {
  if (width == 0 || display_width(text) <= width) return text;
  std::size_t end = 0;
  for (std::size_t shown = 0; end < text.size(); ++end)
    if (!continues(text[end]) && ++shown == width) break;
  return text.substr(0, end) + (utf8 ? "…" : ">");
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

Table::Table(std::vector<std::string> headings, const Screen& screen)
    : headings_(std::move(headings)), screen_(screen) {
  for (const std::string& heading : headings_) widths_.push_back(display_width(heading));
}

void Table::widen(std::size_t column, std::size_t width) {
  widths_.at(column) = std::max(widths_.at(column), width);
}

void Table::add(std::vector<std::string> cells) {
  TAKT_CHECK(cells.size() == headings_.size(), "a row of %zu cells", cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].empty()) cells[i] += '-';
    widths_[i] = std::max(widths_[i], display_width(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::string Table::line(const std::vector<std::string>& cells) const {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text += cells[i];
    if (i + 1 == cells.size()) break;
    for (std::size_t width = display_width(cells[i]); width < widths_[i] + 2; ++width) text += ' ';
  }
  return cut_to(text, screen_.columns, screen_.utf8) + "\n";
}

std::string Table::take() {
  std::string text;
  if (!std::exchange(headed_, true)) text += line(headings_);
  for (const auto& row : rows_) text += line(row);
  rows_.clear();
  return text;
}

}  // namespace takt::cli
