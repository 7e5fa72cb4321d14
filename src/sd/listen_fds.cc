// SPDX-License-Identifier: Apache-2.0
#include "sd/listen_fds.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <utility>

namespace takt::sd {

Result<std::vector<InheritedSocket>> take_inherited_sockets() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  if (count < 0)
    return system_error("taking the sockets named by LISTEN_FDS and LISTEN_FDNAMES", -count);

  std::vector<InheritedSocket> sockets;
  for (int i = 0; i < count; ++i) {
    sockets.push_back({UniqueFd(SD_LISTEN_FDS_START + i), names[i]});
    std::free(names[i]);
  }
  std::free(names);

  for (const InheritedSocket& socket : sockets) {
    const int good = sd_is_socket(socket.fd.get(), AF_UNSPEC, SOCK_STREAM, 1);
    const std::string who =
        "inherited descriptor " + std::to_string(socket.fd.get()) + " (\"" + socket.name + "\")";
    if (good < 0) return system_error(who, -good);
    if (good == 0)
      return make_error(ErrorCode::kInvalid,
                        who +
                            " is not a listening stream socket; the .socket unit needs "
                            "ListenStream= and Accept=no");
  }
  return sockets;
}

}  // namespace takt::sd
