// SPDX-License-Identifier: Apache-2.0
// Texts from outside: process names, user databases, other programs' words, files. The kernel and
// most programs take any bytes, and a proto3 string takes UTF-8 only: a message with another one
// cannot be parsed at the other end. So such a text passes here before it is kept.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace takt {

// RFC 3629: no surrogates, no overlong forms, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

// `text` as valid UTF-8 ('?' for each byte that is not) of at most `max_bytes`, cut between
// characters.
std::string clean_text(std::string_view text,
                       std::size_t max_bytes = std::numeric_limits<std::size_t>::max());

}  // namespace takt
