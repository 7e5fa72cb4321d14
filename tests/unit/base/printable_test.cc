// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/log.h"

namespace takt {
namespace {

using namespace std::string_literals;

TEST(Printable, ControlCharactersAreWrittenOut) {
  EXPECT_EQ(printable("plain text, ä €"), "plain text, ä €");
  EXPECT_EQ(printable("a\x1b[31mred\n\t\x7f"), "a\\x1b[31mred\\x0a\\x09\\x7f");
  EXPECT_EQ(printable("nul\0."s), "nul\\x00.");
  EXPECT_EQ(printable("csi \xc2\x9b"), "csi \\x9b");
  EXPECT_EQ(printable("\xc2\xa7 \xc2"), "\xc2\xa7 \xc2") << "not a control character";
}

std::vector<std::string> logged;

TEST(Log, NoTextFromOutsideMakesALineOfItsOwn) {
  logged.clear();
  set_log_sink([](LogLevel, std::string_view message, const std::vector<LogField>&) {
    logged.emplace_back(message);
  });
  log_error("stopped by alice: x\nsshd[1]: Accepted publickey\x1b[2J");
  set_log_sink(nullptr);
  EXPECT_EQ(logged,
            std::vector<std::string>{"stopped by alice: x sshd[1]: Accepted publickey\\x1b[2J"});
}

}  // namespace
}  // namespace takt
