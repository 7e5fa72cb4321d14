// SPDX-License-Identifier: Apache-2.0
#include "config/ini_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace takt::config {
namespace {

IniText read(std::string_view text) { return read_ini(text, {"one", "two"}); }

// "line: message" of each mistake.
std::vector<std::string> mistakes(std::string_view text) {
  std::vector<std::string> all;
  for (const IniMistake& mistake : read(text).mistakes)
    all.push_back(std::to_string(mistake.line) + ": " + mistake.message);
  return all;
}

using Lines = std::vector<std::string>;

TEST(IniReader, GivesEntriesWithTheirLines) {
  const IniText ini = read(
      "# comment\n\n[one]\na = 1\n; comment\n  # indented comment\nb=two words\n[two]\r\n"
      "a = x ; why\r\nempty =\nurl = unix:/a=b;c\n");
  EXPECT_TRUE(ini.mistakes.empty());
  ASSERT_EQ(ini.entries.size(), 5U);
  EXPECT_EQ(ini.entries[0].section, "one");
  EXPECT_EQ(ini.entries[0].key, "a");
  EXPECT_EQ(ini.entries[0].value, "1");
  EXPECT_EQ(ini.entries[0].line, 4);
  EXPECT_EQ(ini.entries[1].value, "two words");
  EXPECT_EQ(ini.entries[1].line, 7);
  EXPECT_EQ(ini.entries[2].section, "two");
  EXPECT_EQ(ini.entries[2].value, "x");
  EXPECT_EQ(ini.entries[2].line, 9);
  EXPECT_EQ(ini.entries[3].value, "");
  EXPECT_EQ(ini.entries[4].value, "unix:/a=b;c");
}

TEST(IniReader, ReadsAFileWithByteOrderMarkAndWithoutFinalNewline) {
  const IniText ini = read("\xEF\xBB\xBF[one]\na = 1");
  EXPECT_TRUE(ini.mistakes.empty());
  ASSERT_EQ(ini.entries.size(), 1U);
  EXPECT_EQ(ini.entries[0].line, 2);
}

TEST(IniReader, AnEmptyTextIsNoMistake) {
  EXPECT_TRUE(read("").mistakes.empty());
  EXPECT_TRUE(read("\n\n").entries.empty());
}

TEST(IniReader, TakesLinesUpToTheLimitWholeAndRefusesLongerOnes) {
  const std::string fits = "key = " + std::string(kLineMaxBytes - 6, 'x');
  const IniText good = read("[one]\n" + fits + "\n");
  ASSERT_EQ(good.entries.size(), 1U);
  EXPECT_EQ(good.entries[0].value.size(), kLineMaxBytes - 6);
  EXPECT_EQ(mistakes("[one]\nok = 1\n" + fits + "x\nalso = 2\n"),
            Lines{"3: the line has 191 bytes; at most 190 are accepted"});
  EXPECT_EQ(read("[one]\n" + fits + "x\nalso = 2\n").entries.size(), 1U);
  EXPECT_TRUE(mistakes("# " + std::string(5000, 'x') + "\n[one]\n").empty());
}

TEST(IniReader, RefusesAnIndentedLineThatInihWouldGlue) {
  EXPECT_EQ(mistakes("[one]\na = 1\n  b = 2\n"),
            Lines{"3: indented line \"b = 2\"; begin it in the first column (values do not go on "
                  "over several lines)"});
  EXPECT_EQ(mistakes("[one]\na = 1,\n\t2\n").size(), 1U);
  EXPECT_EQ(mistakes("[one]\n [two]\na = 1\n"),
            Lines{"2: indented section \"[two]\"; begin it in the first column"});
}

TEST(IniReader, RefusesALineWithoutEqualsSign) {
  EXPECT_EQ(mistakes("[one]\nhello\n"),
            Lines{"2: missing '=' in \"hello\"; write KEY = VALUE, [SECTION] or # comment"});
  EXPECT_EQ(mistakes("[one]\nkey: value\n").size(), 1U);
  EXPECT_EQ(mistakes("[one]\nkey:a = value\n").size(), 1U);
  EXPECT_EQ(mistakes("[one]\nkey ; = value\n").size(), 1U);
  EXPECT_EQ(mistakes("[one]\n= value\n"),
            Lines{"2: no key before '=' in \"= value\"; write KEY = VALUE"});
}

TEST(IniReader, RefusesControlCharacters) {
  const std::string with_nul("[one]\na = 1\0002\nb = 3\n", 19);
  EXPECT_EQ(mistakes(with_nul),
            Lines{"2: control character in \"a = 1?2\"; only printable text is accepted"});
  EXPECT_EQ(mistakes("[one]\na = \x1b[1m\n").size(), 1U);
  EXPECT_EQ(mistakes("[one]\na\v= 1\n").size(), 1U);
}

TEST(IniReader, RefusesASectionThatIsUnknownOrBadlyWrittenOnceForAllItsKeys) {
  EXPECT_EQ(mistakes("[three]\na = 1\nb\n[one]\nc = 1\n"),
            Lines{"1: unknown section \"[three]\"; accepted are [one], [two]"});
  EXPECT_EQ(read("[three]\na = 1\n[one]\nc = 1\n").entries.size(), 1U);
  EXPECT_EQ(mistakes("[one\na = 1\n"),
            Lines{"1: \"[one\" has no closing bracket; write [SECTION]"});
  EXPECT_EQ(mistakes("[one] a = 1\n"),
            Lines{"1: text behind the section in \"[one] a = 1\"; write [SECTION] alone on its "
                  "line"});
  EXPECT_EQ(mistakes("[ one ]\n").size(), 1U);
  EXPECT_TRUE(mistakes("[one] ; the first\n").empty());
}

TEST(IniReader, RefusesKeysBeforeAnySectionOnce) {
  EXPECT_EQ(mistakes("a = 1\nb = 2\n[one]\nc = 3\n"),
            Lines{"1: \"a = 1\" stands before any section; put it below one of [one], [two]"});
}

TEST(IniReader, TellsEveryMistakeOfAFile) {
  EXPECT_EQ(mistakes("[one]\nx\n y = 1\n[bad\n[two]\nz\n").size(), 4U);
}

}  // namespace
}  // namespace takt::config
