// SPDX-License-Identifier: Apache-2.0
#include "attempt/control.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "base/fs.h"

namespace takt::attempt {
namespace {

std::vector<Message> every_message() {
  return {
      SpawnRequest{.number = 1ULL << 60},
      SpawnAnswer{.number = 7, .pid = 1234, .error_number = 0},
      SpawnAnswer{.number = 8, .pid = 0, .error_number = ENOENT},
      Prepare{.launcher = Launcher::kCgroup},
      Ready{.cgroup_path = "/takt.slice/x", .cgroup_inode = 99},
      Failed{
          .step = "limits", .field = "spec.resources.tasks", .error_number = EACCES, .text = "no"},
      Go{},
      Started{.leader = 55, .start_time = from_unix_us(1'700'000'000'000'001)},
      Ending{},
      Ended{}};
}

TEST(Message, EveryKindComesBackTheSame) {
  for (const Message& message : every_message())
    EXPECT_EQ(decode_message(encode_message(message)).value(), message) << message.index();
}

TEST(Message, CutsAndSurplusAreDataLoss) {
  for (const Message& message : every_message()) {
    const std::string bytes = encode_message(message);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(decode_message(std::string_view(bytes).substr(0, size)).ok());
    EXPECT_FALSE(decode_message(bytes + "x").ok());
  }
}

TEST(Message, OtherVersionsAndTypesAreRefused) {
  std::string bytes = encode_message(Go{});
  bytes[0] = static_cast<char>(kControlVersion + 1);
  EXPECT_EQ(decode_message(bytes).error().code, ErrorCode::kDataLoss);
  const std::string version(1, static_cast<char>(kControlVersion));
  EXPECT_FALSE(decode_message(version + "\x09").ok());
  EXPECT_FALSE(decode_message(version + "\x02\x03").ok()) << "launcher 3";
}

TEST(Message, LongTextsAreCut) {
  const Failed failed{.step = "plan", .error_number = 0, .text = std::string(100000, 'x')};
  const Message back = decode_message(encode_message(failed)).value();
  EXPECT_EQ(std::get<Failed>(back).text.size(), 4096U);
}

TEST(Launcher, HasNames) {
  EXPECT_EQ(parse_launcher(to_string(Launcher::kScope)).value(), Launcher::kScope);
  EXPECT_EQ(parse_launcher(to_string(Launcher::kCgroup)).value(), Launcher::kCgroup);
  EXPECT_EQ(parse_launcher("docker").error().field, "launcher");
}

class Sockets : public testing::Test {
 protected:
  std::pair<UniqueFd, UniqueFd> pair_ = make_socket_pair().value();
  int left() const { return pair_.first.get(); }
  int right() const { return pair_.second.get(); }
};

TEST_F(Sockets, PacketsKeepTheirBounds) {
  ASSERT_TRUE(send_packet(left(), "one").ok());
  ASSERT_TRUE(send_packet(left(), "two").ok());
  EXPECT_EQ(receive_packet(right())->data, "one");
  EXPECT_EQ(receive_packet(right())->data, "two");
}

TEST_F(Sockets, DescriptorsArriveAndAreOwned) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const std::array<int, 2> fds{writer.get(), reader.get()};
  ASSERT_TRUE(send_message(left(), Prepare{}, fds).ok());
  writer.reset();
  {
    const Packet packet = receive_packet(right()).value();
    ASSERT_EQ(packet.fds.size(), 2U);
    EXPECT_EQ(::fcntl(packet.fds[0].get(), F_GETFD), FD_CLOEXEC);
    ASSERT_TRUE(write_all(packet.fds[0].get(), "x", "pipe").ok());
  }
  EXPECT_EQ(read_all(reader.get(), 10, "pipe").value(), "x") << "end-of-file: all copies closed";
}

TEST_F(Sockets, AClosedPeerIsTheEnd) {
  pair_.first.reset();
  EXPECT_TRUE(receive_packet(right())->end);
  const auto sent = send_packet(right(), "x");
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().error_number, EPIPE);
}

TEST_F(Sockets, APeerThatDiedWithUnreadPacketsIsTheEnd) {
  ASSERT_TRUE(send_packet(right(), "never read").ok());
  pair_.first.reset();
  EXPECT_TRUE(receive_packet(right())->end);
}

TEST_F(Sockets, TheEndOfADeadPeerTakesNothingThatCameBefore) {
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(send_packet(left(), "one", std::array{file.get()}).ok());
  ASSERT_TRUE(send_packet(right(), "never read").ok());
  // Both from here, so that the second call finds on its stack what the first has left.
  const Packet packet = receive_packet(right()).value();
  ASSERT_EQ(packet.fds.size(), 1U);
  pair_.first.reset();
  const Packet end = receive_packet(right()).value();
  EXPECT_TRUE(end.end);
  EXPECT_TRUE(end.fds.empty());
}

TEST_F(Sockets, NothingThereIsUnavailable) {
  ASSERT_TRUE(set_nonblocking(right(), true).ok());
  EXPECT_EQ(receive_packet(right()).error().code, ErrorCode::kUnavailable);
}

TEST_F(Sockets, AFullQueueIsUnavailable) {
  ASSERT_TRUE(set_nonblocking(left(), true).ok());
  Result<void> sent;
  for (int i = 0; i < 100000 && sent; ++i) sent = send_packet(left(), std::string(1000, 'x'));
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().code, ErrorCode::kUnavailable);
}

TEST_F(Sockets, AnOversizedPacketIsDataLoss) {
  const std::string large(kPacketMaxBytes + 1, 'x');
  ASSERT_EQ(::send(left(), large.data(), large.size(), 0), static_cast<ssize_t>(large.size()));
  EXPECT_EQ(receive_packet(right()).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace takt::attempt
