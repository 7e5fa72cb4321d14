// SPDX-License-Identifier: Apache-2.0
// The file by which a worker tells its supervisors when it was last certain that a scheduler heard
// it. Guarantees: a reader never takes a time that is later than the truth, nor one of another
// boot; writing it again takes no room on the disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace takt::attempt {

// The file's text, always of one length; and what it says, absent if that cannot be true `now` in
// this boot.
std::string encode_contact(const std::string& boot, BootTime when);
std::optional<BootTime> decode_contact(std::string_view text, const std::string& boot,
                                       BootTime now);

// Makes the file or writes it anew; kSystem as open(2) and pwrite(2) have it.
Result<void> write_contact(const std::string& path, BootTime when);

// What the file says.
std::optional<BootTime> read_contact(const std::string& path, BootTime now);

// What is told of an attempt that was ended because its lease ran out.
std::string lease_over_text(microseconds lease);

}  // namespace takt::attempt
