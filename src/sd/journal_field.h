// SPDX-License-Identifier: Apache-2.0
// One field of an entry in the journal's native protocol.
#pragma once

#include <string>
#include <string_view>

namespace takt::sd {

// "NAME=value\n", or where the value holds a newline "NAME\n<length><value>\n".
void append_journal_field(std::string& entry, std::string_view name, std::string_view value);

}  // namespace takt::sd
