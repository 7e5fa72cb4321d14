// SPDX-License-Identifier: Apache-2.0
// What every table of keys must keep, checked key by key: a test of a table lists, for each key,
// values that are accepted and values that are not.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "config/key_table.h"

namespace takt::config {

struct Values {
  std::vector<std::string> good;  // each must change the configuration; the last one is kept
  std::vector<std::string> bad;
};

// `cases` maps "section.key" to values; every key of the table must be in it and no other.
template <class Config>
void check_table(const std::vector<Key<Config>>& table,
                 const std::map<std::string, Values>& cases) {
  EXPECT_EQ(cases.size(), table.size());
  for (const Key<Config>& key : table) {
    const std::string field = std::string(key.info.section) + "." + std::string(key.info.name);
    SCOPED_TRACE(field);
    ASSERT_TRUE(cases.contains(field));

    // The written default is the one that the struct has; or else it is told in words.
    EXPECT_NE(key.info.default_text.empty(), key.info.default_note.empty());
    Config by_default;
    if (!key.info.default_text.empty()) {
      const auto set = key.set(by_default, key.info.default_text, field);
      EXPECT_TRUE(set.ok()) << set.error().message;
    }
    EXPECT_EQ(by_default, Config());

    for (const std::string& value : cases.at(field).good) {
      Config config;
      const auto set = key.set(config, value, field);
      EXPECT_TRUE(set.ok()) << set.error().message;
      EXPECT_NE(config, Config()) << value;
      EXPECT_TRUE(key.differs(config, Config())) << value;
      EXPECT_FALSE(key.differs(config, config)) << value;
      Config taker;
      key.take(taker, config);
      EXPECT_EQ(taker, config) << value;
    }
    for (const std::string& value : cases.at(field).bad) {
      Config config;
      const auto set = key.set(config, value, field);
      ASSERT_FALSE(set.ok()) << value;
      EXPECT_EQ(set.error().field, field);
      EXPECT_EQ(set.error().code, ErrorCode::kInvalid);
      EXPECT_EQ(config, Config()) << value;
    }
  }
}

// The text with every "#key = value" line as a line of its own right.
inline std::string uncommented(const std::string& sample) {
  std::string out;
  for (std::size_t start = 0; start < sample.size();) {
    const std::size_t end = sample.find('\n', start);
    std::string line = sample.substr(start, end - start);
    start = end + 1;
    const bool is_key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    if (is_key) line.erase(0, 1);
    // A key without written default stays out: its empty value need not be acceptable.
    if (!line.ends_with("=")) out += line + "\n";
  }
  return out;
}

}  // namespace takt::config
