// SPDX-License-Identifier: Apache-2.0
#include "sd/handler_name.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace takt::sd {

std::string handler_name(const std::type_info& handler) {
  int failed = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(handler.name(), nullptr, nullptr, &failed), &std::free);
  return name ? name.get() : handler.name();
}

}  // namespace takt::sd
