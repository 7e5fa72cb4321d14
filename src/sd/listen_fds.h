// SPDX-License-Identifier: Apache-2.0
// Sockets handed over by socket activation.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::sd {

struct InheritedSocket {
  UniqueFd fd;
  std::string name;  // FileDescriptorName= of the .socket unit
};

// All inherited sockets, close-on-exec, in the manager's order; empty without socket activation.
// They are taken: a second call gives none. kInvalid, and all of them closed, when one is not a
// listening stream socket. Call it once, before threads are started (it changes the environment).
Result<std::vector<InheritedSocket>> take_inherited_sockets();

}  // namespace takt::sd
