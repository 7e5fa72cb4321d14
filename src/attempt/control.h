// SPDX-License-Identifier: Apache-2.0
// What worker, spawner and supervisor say to each other over SOCK_SEQPACKET sockets. One message is
// one packet that begins with a version byte and a type byte. Guarantees: a packet decodes as a
// whole or not at all; every descriptor that arrives has an owner and is close-on-exec.
//
//   worker → spawner      SpawnRequest   fds: control socket end [, cgroup directory to clone into]
//   spawner → worker      SpawnAnswer    fds: pidfd (when pid > 0)
//   worker → supervisor   Prepare        fds: attempt folder, plan memfd [, job/ directory]
//   supervisor → worker   Ready | Failed (and then it exits without trace)
//   worker → supervisor   Go             end-of-file instead: exits without trace
//   supervisor → worker   Started        the exec succeeded
//   supervisor → worker   Ending         the leader ended; `supervisor` has its status
//   supervisor → worker   Ended          `exit` is written; the process ends next. Without a
//                                        Started before it: the leader did not start, or was
//                                        stopped before
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::attempt {

inline constexpr std::uint8_t kControlVersion = 2;
inline constexpr std::size_t kPacketMaxBytes = 16384;
inline constexpr std::size_t kPacketFdsMax = 4;

// The descriptor on which the spawner finds its socket.
inline constexpr int kSpawnerSocketFd = 3;

// How an attempt gets its cgroup.
enum class Launcher : std::uint8_t { kScope = 1, kCgroup = 2 };

// "scope", "cgroup".
std::string_view to_string(Launcher launcher);
Result<Launcher> parse_launcher(std::string_view text);

struct SpawnRequest {
  std::uint64_t number = 0;
  friend bool operator==(const SpawnRequest&, const SpawnRequest&) = default;
};

struct SpawnAnswer {
  std::uint64_t number = 0;
  pid_t pid = 0;         // 0: not spawned
  int error_number = 0;  // why not
  friend bool operator==(const SpawnAnswer&, const SpawnAnswer&) = default;
};

struct Prepare {
  Launcher launcher = Launcher::kScope;
  friend bool operator==(const Prepare&, const Prepare&) = default;
};

struct Ready {
  std::string cgroup_path;  // of the base, as in /proc/PID/cgroup: above job/ and supervisor/
  std::uint64_t cgroup_inode = 0;  // of the base
  friend bool operator==(const Ready&, const Ready&) = default;
};

struct Failed {
  std::string step;   // "plan", "cgroup", "limits" …
  std::string field;  // of the spec, if one is to blame: "spec.resources.tasks"
  int error_number = 0;
  std::string text;
  friend bool operator==(const Failed&, const Failed&) = default;
};

struct Go {
  friend bool operator==(const Go&, const Go&) = default;
};

struct Started {
  pid_t leader = 0;
  WallTime start_time;
  friend bool operator==(const Started&, const Started&) = default;
};

struct Ending {
  friend bool operator==(const Ending&, const Ending&) = default;
};

struct Ended {
  friend bool operator==(const Ended&, const Ended&) = default;
};

using Message =
    std::variant<SpawnRequest, SpawnAnswer, Prepare, Ready, Failed, Go, Started, Ending, Ended>;

// The packet's bytes. Over-long texts (Failed::text) are cut.
std::string encode_message(const Message& message);

// kDataLoss for another version, an unknown type, missing or surplus bytes.
Result<Message> decode_message(std::string_view bytes);

// A packet as it came. `end`: the other side has closed; nothing else is set then.
struct Packet {
  std::string data;
  std::vector<UniqueFd> fds;
  bool end = false;
};

// A connected pair of SOCK_SEQPACKET sockets, close-on-exec, blocking.
Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair();

// Sends one packet, with descriptors (which stay the caller's). On a non-blocking socket a full
// queue is kUnavailable; a closed peer is kSystem/EPIPE, never a signal.
Result<void> send_packet(int socket, std::string_view data, std::span<const int> fds = {});

// Takes one packet. Nothing there on a non-blocking socket is kUnavailable; too large or too many
// descriptors is kDataLoss.
Result<Packet> receive_packet(int socket);

// encode_message and send_packet in one.
Result<void> send_message(int socket, const Message& message, std::span<const int> fds = {});

}  // namespace takt::attempt
