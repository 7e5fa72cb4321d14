// SPDX-License-Identifier: Apache-2.0
// What a handler of the loop is called in the log.
#pragma once

#include <string>
#include <typeinfo>

namespace takt::sd {

// The name in the source of the function, or of the function that a lambda stands in:
// "takt::scheduler::WallAlarms::arm()::{lambda()#1}". Costs an allocation.
std::string handler_name(const std::type_info& handler);

}  // namespace takt::sd
