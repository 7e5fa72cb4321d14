// SPDX-License-Identifier: Apache-2.0
#include "attempt/control.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

#include "attempt/wire.h"

namespace takt::attempt {
namespace {

constexpr std::size_t kTextMaxBytes = 4096;
constexpr std::size_t kControlBytes = CMSG_SPACE(kPacketFdsMax * sizeof(int));

// The type byte is the variant's index: new messages go to the end.
struct Encoder {
  WireWriter out;
  void operator()(const SpawnRequest& message) { out.number(message.number); }
  void operator()(const SpawnAnswer& message) {
    out.number(message.number);
    out.number(static_cast<std::int32_t>(message.pid));
    out.number(static_cast<std::int32_t>(message.error_number));
  }
  void operator()(const Prepare& message) {
    out.number(static_cast<std::uint8_t>(message.launcher));
  }
  void operator()(const Ready& message) {
    out.text(message.cgroup_path);
    out.number(message.cgroup_inode);
  }
  void operator()(const Failed& message) {
    out.text(message.step);
    out.text(message.field);
    out.number(static_cast<std::int32_t>(message.error_number));
    out.text(std::string_view(message.text).substr(0, kTextMaxBytes));
  }
  void operator()(const Go&) {}
  void operator()(const Started& message) {
    out.number(static_cast<std::int32_t>(message.leader));
    out.number(static_cast<std::int64_t>(to_unix_us(message.start_time)));
  }
  void operator()(const Ending&) {}
  void operator()(const Ended&) {}
};

Ready decode_ready(WireReader& in) {
  Ready message;
  message.cgroup_path = in.text();
  message.cgroup_inode = in.number<std::uint64_t>();
  return message;
}

Failed decode_failed(WireReader& in) {
  Failed message;
  message.step = in.text();
  message.field = in.text();
  message.error_number = in.number<std::int32_t>();
  message.text = in.text();
  return message;
}

SpawnAnswer decode_spawn_answer(WireReader& in) {
  SpawnAnswer message;
  message.number = in.number<std::uint64_t>();
  message.pid = in.number<std::int32_t>();
  message.error_number = in.number<std::int32_t>();
  return message;
}

Started decode_started(WireReader& in) {
  Started message;
  message.leader = in.number<std::int32_t>();
  message.start_time = from_unix_us(in.number<std::int64_t>());
  return message;
}

Error unreadable(const std::string& how) {
  return make_error(ErrorCode::kDataLoss, "unreadable control message: " + how);
}

Result<Message> decode_body(std::uint8_t type, WireReader& in) {
  switch (type) {
    case 0:
      return Message(SpawnRequest{.number = in.number<std::uint64_t>()});
    case 1:
      return Message(decode_spawn_answer(in));
    case 2: {
      const auto launcher = static_cast<Launcher>(in.number<std::uint8_t>());
      if (launcher != Launcher::kScope && launcher != Launcher::kCgroup)
        return unreadable("unknown launcher");
      return Message(Prepare{.launcher = launcher});
    }
    case 3:
      return Message(decode_ready(in));
    case 4:
      return Message(decode_failed(in));
    case 5:
      return Message(Go{});
    case 6:
      return Message(decode_started(in));
    case 7:
      return Message(Ending{});
    case 8:
      return Message(Ended{});
    default:
      return unreadable("unknown type " + std::to_string(type));
  }
}

// Every descriptor that came gets its owner before anything else is looked at.
std::vector<UniqueFd> take_fds(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

std::string_view to_string(Launcher launcher) {
  switch (launcher) {
    case Launcher::kScope:
      return "scope";
    case Launcher::kCgroup:
      return "cgroup";
  }
  return "unknown";
}

Result<Launcher> parse_launcher(std::string_view text) {
  if (text == "scope") return Launcher::kScope;
  if (text == "cgroup") return Launcher::kCgroup;
  return invalid("launcher", "\"" + std::string(text.substr(0, 64)) +
                                 "\" is not a launcher; write scope or cgroup");
}

std::string encode_message(const Message& message) {
  Encoder encoder;
  encoder.out.number(kControlVersion);
  encoder.out.number(static_cast<std::uint8_t>(message.index()));
  std::visit(encoder, message);
  return encoder.out.take();
}

Result<Message> decode_message(std::string_view bytes) {
  if (bytes.size() > kPacketMaxBytes) return unreadable("too long");
  WireReader in(bytes);
  const auto version = in.number<std::uint8_t>();
  const auto type = in.number<std::uint8_t>();
  if (!in.ok()) return unreadable("too short");
  if (version != kControlVersion) return unreadable("version " + std::to_string(version));
  auto message = decode_body(type, in);
  if (message.ok() && !in.complete()) return unreadable("its fields do not fill it");
  return message;
}

Result<std::pair<UniqueFd, UniqueFd>> make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("socketpair");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<void> send_packet(int socket, std::string_view data, std::span<const int> fds) {
  TAKT_CHECK(fds.size() <= kPacketFdsMax, "%zu descriptors in one packet", fds.size());
  TAKT_CHECK(!data.empty() && data.size() <= kPacketMaxBytes, "packet of %zu bytes", data.size());
  iovec part{.iov_base = const_cast<char*>(data.data()), .iov_len = data.size()};
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {};
  if (errno == EAGAIN) return make_error(ErrorCode::kUnavailable, "the control socket is full");
  return system_error("send on the control socket");
}

Result<Packet> receive_packet(int socket) {
  std::array<char, kPacketMaxBytes> data;
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control;
  iovec part{.iov_base = data.data(), .iov_len = data.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN)
    return make_error(ErrorCode::kUnavailable, "nothing on the control socket");
  // A peer that died with our unread packets in its queue: for us the same as a close. The control
  // buffer was not written then: what stands in it are descriptors of somebody's, not ours.
  if (got < 0 && errno == ECONNRESET) return Packet{.data = {}, .fds = {}, .end = true};
  if (got < 0) return system_error("receive on the control socket");
  Packet packet;
  packet.fds = take_fds(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return unreadable("it is too large");
  packet.end = got == 0;
  packet.data.assign(data.data(), static_cast<std::size_t>(got));
  return packet;
}

Result<void> send_message(int socket, const Message& message, std::span<const int> fds) {
  return send_packet(socket, encode_message(message), fds);
}

}  // namespace takt::attempt
