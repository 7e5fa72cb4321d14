// SPDX-License-Identifier: Apache-2.0
// The sample files and manual pages of configuration, written from the tables of keys.
#pragma once

#include <string>

#include "config/key_table.h"

namespace takt::config {

// etc/<conf_name>: every key, commented out, with its default.
std::string sample_file(const FileInfo& file);

// man/takt-<conf_name>.5 in mdoc(7).
std::string manual_page(const FileInfo& file);

}  // namespace takt::config
