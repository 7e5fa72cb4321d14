// SPDX-License-Identifier: Apache-2.0
// Texts that users read are compared with stored files. TAKT_REWRITE_GOLDEN=1 rewrites them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/fs.h"

namespace takt::cli {

inline void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = TAKT_GOLDEN_DIR "/" + name;
  if (std::getenv("TAKT_REWRITE_GOLDEN") != nullptr) {
    const auto written = write_file(AT_FDCWD, path, text, 0644);
    ASSERT_TRUE(written.ok()) << written.error().message;
    return;
  }
  const auto stored = read_file(AT_FDCWD, path, 1 << 20);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(*stored, text) << "if that is meant: TAKT_REWRITE_GOLDEN=1, and look at the diff of "
                           << path;
}

}  // namespace takt::cli
