// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <gtest/gtest.h>

namespace takt::cli {
namespace {

TEST(Table, AlignsColumnsAndShowsNothingAsADash) {
  Table table({"JOB", "NAME", "COMMAND"}, Screen{});
  table.add({"6f0b2c1e", "nightly", "backup --full"});
  table.add({"71aa90d4", "", "./train.sh"});
  EXPECT_EQ(table.take(),
            "JOB       NAME     COMMAND\n"
            "6f0b2c1e  nightly  backup --full\n"
            "71aa90d4  -        ./train.sh\n");
}

TEST(Table, WithoutRowsIsItsHeadings) {
  Table table({"JOB", "NAME"}, Screen{});
  EXPECT_EQ(table.take(), "JOB  NAME\n");
}

TEST(Table, LaterPagesHaveNoHeadingsAndNeverNarrowerColumns) {
  Table table({"A", "B"}, Screen{});
  table.add({"long cell", "x"});
  EXPECT_EQ(table.take(), "A          B\nlong cell  x\n");
  table.add({"s", "y"});
  EXPECT_EQ(table.take(), "s          y\n");
  EXPECT_EQ(table.take(), "");
}

TEST(Table, CountsCharactersRatherThanBytes) {
  EXPECT_EQ(display_width("größe…"), 6U);
  Table table({"A", "B"}, Screen{});
  table.add({"grün", "x"});
  table.add({"blau", "y"});
  EXPECT_EQ(table.take(), "A     B\ngrün  x\nblau  y\n");
}

TEST(Table, IsCutToTheTerminalBetweenCharacters) {
  Table table({"A", "B"}, Screen{.colour = false, .utf8 = true, .columns = 8});
  table.add({"größe", "abcdef"});
  EXPECT_EQ(table.take(), "A      B\ngröße  …\n");
  Table plain({"A", "B"}, Screen{.colour = false, .utf8 = false, .columns = 8});
  plain.add({"x", "abcdef"});
  EXPECT_EQ(plain.take(), "A  B\nx  abcd>\n");
}

}  // namespace
}  // namespace takt::cli
