// SPDX-License-Identifier: Apache-2.0
// What is wrong with a database or its folder, and the way out, in words for who has to mend it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace takt::store {

// kDataLoss: the database is damaged, or none. `what` could not be done and names the file;
// `words` are what was found.
Error damaged(std::string_view what, std::string_view words);

// The state directory can be used: it is there, and files may be made in it. kNotFound,
// kPermissionDenied, kFailedPrecondition (read-only), kSystem.
Result<void> check_folder(const std::string& directory);

// Why a database file may not be read or, with `write`, be written; the errors of check_folder(),
// and kUnavailable with SQLite's `words` where the system sees no reason.
Error not_usable(const std::string& path, bool write, std::string_view words);

}  // namespace takt::store
