// SPDX-License-Identifier: Apache-2.0
// Text from outside, made safe to be shown on a terminal and in a log.
#pragma once

#include <string>
#include <string_view>

namespace takt {

// The same with each control character (C0, DEL, C1 in UTF-8) written as \xNN, newlines too.
std::string printable(std::string_view text);

}  // namespace takt
