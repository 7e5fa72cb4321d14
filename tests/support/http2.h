// SPDX-License-Identifier: Apache-2.0
// What an HTTP/2 client sends, byte for byte (RFC 9113, RFC 7541): for clients that do what a
// library would not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace takt::test::http2 {

// The preface, with SETTINGS that ask for nothing.
std::string preface();

// The acknowledgement of the server's SETTINGS.
std::string settings_ack();

// The HEADERS of a call that has no message yet, with `filler` bytes in a field of their own.
std::string open_call(std::uint32_t stream, const std::string& path, std::size_t filler);

// A call with an empty message, whole.
std::string empty_call(std::uint32_t stream, const std::string& path);

}  // namespace takt::test::http2
