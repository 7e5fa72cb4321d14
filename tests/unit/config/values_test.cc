// SPDX-License-Identifier: Apache-2.0
#include "config/values.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/glob.h"

namespace takt::config {
namespace {

template <class Parse>
std::string refusal(Parse parse, const std::string& text) {
  const auto result = parse(text, "s.k");
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(result.error().field, "s.k");
  return result.error().message;
}

TEST(Values, AddressesAreUnixPathsOrHostAndPort) {
  for (const char* good : {"unix:/run/takt/x.sock", "host:1", "a.b-c.example:65535",
                           "127.0.0.1:7070", "[::1]:7070", "[fe80::1]:80"})
    EXPECT_EQ(parse_address(good, "s.k").value(), good);
  EXPECT_EQ(parse_address("unix:///run/x", "s.k").value(), "unix:/run/x");
  for (const char* bad : {"", "host", "host:", ":1", "host:0", "host:65536", "host:+1", "host:1x",
                          "http://host:1", "::1:80", "[]:80", "[::1]", "-x:1", "*:80", "a b:1"})
    EXPECT_NE(refusal(parse_address, bad).find("is not an address; write unix:"), std::string::npos)
        << bad << ": " << refusal(parse_address, bad);
  for (const char* bad : {"unix:", "unix:x", "unix:/", "unix:/run/"})
    EXPECT_NE(refusal(parse_address, bad).find("has no absolute path"), std::string::npos) << bad;
}

TEST(Values, AUnixPathFitsASocketAddress) {
  const std::string longest = "unix:/" + std::string(kSocketPathMaxBytes - 1, 'x');
  EXPECT_TRUE(parse_address(longest, "s.k").ok());
  EXPECT_NE(refusal(parse_address, longest + "x").find("has a path of 108 bytes"),
            std::string::npos);
}

TEST(Values, AnAddressMayBeNoneWhereThatIsSaid) {
  EXPECT_EQ(parse_address_or_none("none", "s.k").value(), "");
  EXPECT_EQ(parse_address_or_none("h:1", "s.k").value(), "h:1");
  EXPECT_EQ(refusal(parse_address_or_none, ""), "s.k: \"\" is no address; write none for none");
  EXPECT_NE(refusal(parse_address, "none"), "accepted");
}

TEST(Values, ListenAddressesAreSplitAtCommas) {
  EXPECT_EQ(parse_listen(" unix:/a , 127.0.0.1:1,[::]:2,localhost:3", "s.k").value(),
            (std::vector<std::string>{"unix:/a", "127.0.0.1:1", "[::]:2", "localhost:3"}));
  EXPECT_TRUE(parse_listen("", "s.k").value().empty());
  EXPECT_EQ(
      refusal(parse_listen, "1.2.3.4:1,,1.2.3.4:2"),
      "s.k: \"1.2.3.4:1,,1.2.3.4:2\" has an empty element; write one comma between two elements");
  EXPECT_EQ(refusal(parse_listen, "unix:/a, unix://a"),
            "s.k: \"unix://a\" is given twice; keep one of them");
}

TEST(Values, ListenAddressesNameNoHosts) {
  for (const char* bad : {"db-1:7070", "1.2.3:7070", "256.0.0.1:1", "[::g]:1", "[1:2]:1"})
    EXPECT_FALSE(parse_listen(bad, "s.k").ok()) << bad;
  EXPECT_EQ(refusal(parse_listen, "db-1:7070"),
            "s.k: \"db-1:7070\" names a host; to listen, write a number or localhost, such as "
            "0.0.0.0:7070, [::]:7070 or localhost:7070");
}

TEST(Values, PlainTextTcpNeedsInsecure) {
  EXPECT_TRUE(check_listen({"unix:/a"}, false, "s.k").ok());
  EXPECT_TRUE(check_listen({"unix:/a", "h:1"}, true, "s.k").ok());
  const auto refused = check_listen({"unix:/a", "127.0.0.1:1"}, false, "s.k");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("\"127.0.0.1:1\" would be plain-text TCP"),
            std::string::npos);
  EXPECT_NE(refused.error().message.find("or insecure = yes"), std::string::npos);
}

TEST(Values, PathsAreAbsolute) {
  EXPECT_EQ(parse_path("/var/lib//takt/", "s.k").value(), "/var/lib//takt");
  EXPECT_EQ(parse_path("/", "s.k").value(), "/");
  EXPECT_EQ(parse_path("/a..b/..c", "s.k").value(), "/a..b/..c");
  for (const char* bad : {"", "var", "./x", "~/x", "/a/../b", "/a/.."})
    EXPECT_NE(refusal(parse_path, bad).find("is not an absolute path"), std::string::npos) << bad;
}

TEST(Values, NamesAndAccounts) {
  EXPECT_EQ(parse_name("db-1.example_x", "s.k").value(), "db-1.example_x");
  EXPECT_TRUE(parse_name(std::string(128, 'x'), "s.k").ok());
  for (const std::string& bad :
       {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a/b"),
        std::string(".."), std::string("-x"), std::string("ä")})
    EXPECT_NE(refusal(parse_name, bad).find("is not a name; accepted are"), std::string::npos);

  EXPECT_EQ(parse_account("takt-job", "s.k").value(), "takt-job");
  EXPECT_EQ(parse_account("_x.1", "s.k").value(), "_x.1");
  EXPECT_TRUE(parse_account(std::string(32, 'x'), "s.k").ok());
  for (const std::string& bad : {std::string(), std::string(33, 'x'), std::string("0"),
                                 std::string("1a"), std::string("a:b"), std::string("-a")})
    EXPECT_NE(refusal(parse_account, bad).find("is not the name of a user or group"),
              std::string::npos);
}

TEST(Values, Labels) {
  const auto labels = parse_labels("role=db, a.b/c = x=y ,empty=", "s.k").value();
  EXPECT_EQ(labels.size(), 3U);
  EXPECT_EQ(labels.at("role"), "db");
  EXPECT_EQ(labels.at("a.b/c"), "x=y");
  EXPECT_EQ(labels.at("empty"), "");
  EXPECT_TRUE(parse_labels(" ", "s.k").value().empty());
  for (const char* bad : {"role", "=db", "a b=c"})
    EXPECT_NE(refusal(parse_labels, bad).find("is not a label; write NAME=VALUE"),
              std::string::npos);
  EXPECT_EQ(refusal(parse_labels, "a=1,a=2"), "s.k: \"a\" is given twice; keep one of them");
  EXPECT_NE(refusal(parse_labels, "a=1,").find("empty element"), std::string::npos);
}

TEST(Values, LabelsAreCounted) {
  std::string text = "l0=";
  for (int i = 1; i < 64; ++i) text += ",l" + std::to_string(i) + "=";
  EXPECT_EQ(parse_labels(text, "s.k").value().size(), 64U);
  EXPECT_EQ(refusal(parse_labels, text + ",x="), "s.k: 65 labels; at most 64 are accepted");
}

TEST(Values, GlobsMatchWholeNames) {
  const auto globs = parse_globs("db-*, alice, user?, [xy]", "s.k").value();
  for (const char* name : {"db-", "db-1", "alice", "user1", "x"})
    EXPECT_TRUE(matches_any(globs, name)) << name;
  for (const char* name : {"db", "alice2", "xalice", "user", "user12", "z", ""})
    EXPECT_FALSE(matches_any(globs, name)) << name;
  EXPECT_FALSE(matches_any({}, "alice"));
  EXPECT_TRUE(glob_match("LD_*", "LD_PRELOAD"));
  EXPECT_EQ(refusal(parse_globs, "alice bob"),
            "s.k: \"alice bob\" has a blank inside; write a comma between two patterns");
  EXPECT_NE(refusal(parse_globs, ",a").find("empty element"), std::string::npos);
}

TEST(Values, LogLevels) {
  EXPECT_EQ(parse_log_level("error", "s.k").value(), LogLevel::kError);
  EXPECT_EQ(parse_log_level("warning", "s.k").value(), LogLevel::kWarning);
  EXPECT_EQ(parse_log_level("notice", "s.k").value(), LogLevel::kNotice);
  EXPECT_EQ(parse_log_level("info", "s.k").value(), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("debug", "s.k").value(), LogLevel::kDebug);
  EXPECT_EQ(refusal(parse_log_level, "trace"),
            "s.k: \"trace\" is not a log level; accepted are error, warning, notice, info, debug");
}

TEST(Values, SizesAndTimesHaveBounds) {
  EXPECT_EQ(parse_bytes_between("2K", "s.k", 1024, 2048).value(), 2048);
  EXPECT_EQ(parse_bytes_between("1024", "s.k", 1024, 2048).value(), 1024);
  for (const char* bad : {"1023", "2049", "-1", "", "lots"})
    EXPECT_FALSE(parse_bytes_between(bad, "s.k", 1024, 2048).ok()) << bad;
  EXPECT_EQ(parse_bytes_between("1", "s.k", 1024, 2048).error().message,
            "s.k: \"1\" is not from 1.0K to 2.0K");
  EXPECT_EQ(parse_duration_between("1min", "s.k", seconds(60), seconds(120)).value(), seconds(60));
  for (const char* bad : {"59s", "121s", "", "soon"})
    EXPECT_FALSE(parse_duration_between(bad, "s.k", seconds(60), seconds(120)).ok()) << bad;
  EXPECT_EQ(parse_duration_between("5s", "s.k", seconds(60), seconds(120)).error().message,
            "s.k: \"5s\" is not from 1min to 2min");
}

}  // namespace
}  // namespace takt::config
