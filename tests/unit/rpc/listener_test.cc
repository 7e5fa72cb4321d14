// SPDX-License-Identifier: Apache-2.0
#include "rpc/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "fixture.h"

namespace takt::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ListenerTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return folder_.path() + "/a.sock"; }
  [[nodiscard]] mode_t mode_of_socket() const {
    struct stat status {};
    EXPECT_EQ(::stat(path().c_str(), &status), 0);
    return status.st_mode & 07777U;
  }
  TempFolder folder_;
};

// What systemd would hand over: a descriptor that listens, blocking and not close-on-exec.
UniqueFd tcp_listener() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 8), 0);
  return fd;
}

TEST_F(ListenerTest, UnixSocketHasModeAndDisplay) {
  auto socket = bind_address("unix:" + path());
  ASSERT_TRUE(socket.ok()) << socket.error().message;
  EXPECT_EQ(socket->display, "unix:" + path());
  EXPECT_TRUE(socket->unix_socket);
  EXPECT_EQ(mode_of_socket(), 0660U);
  close_listener(*socket);
  EXPECT_NE(::access(path().c_str(), F_OK), 0) << "the path goes with its socket";
  BindOptions open;
  open.mode = 0666;
  auto again = bind_address("unix:" + path(), open);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(mode_of_socket(), 0666U);
}

TEST_F(ListenerTest, StaleSocketIsReplacedButOneInUseIsNot) {
  auto first = bind_address("unix:" + path());
  ASSERT_TRUE(first.ok());
  const auto second = bind_address("unix:" + path());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_THAT(second.error().message, HasSubstr("another process listens on unix:" + path()));
  first->fd.reset();  // as if it had crashed: the path stays
  ASSERT_EQ(::access(path().c_str(), F_OK), 0);
  const auto third = bind_address("unix:" + path());
  EXPECT_TRUE(third.ok()) << third.error().message;
}

TEST_F(ListenerTest, AFileInTheWayIsLeftAlone) {
  ASSERT_TRUE(write_file(AT_FDCWD, path(), "precious", 0600).ok());
  const auto socket = bind_address("unix:" + path());
  ASSERT_FALSE(socket.ok());
  EXPECT_EQ(socket.error().code, ErrorCode::kExists);
  const auto content = read_file(AT_FDCWD, path(), 100);
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(*content, "precious");
}

TEST_F(ListenerTest, PlainTextTcpNeedsInsecure) {
  for (const char* address : {"127.0.0.1:0", "localhost:0", "[::1]:0", "0.0.0.0:0"}) {
    const auto refused = bind_address(address);
    ASSERT_FALSE(refused.ok()) << address;
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_EQ(refused.error().field, "insecure");
    EXPECT_THAT(refused.error().message, HasSubstr("\"insecure = yes\""));
  }
}

TEST_F(ListenerTest, TcpDisplaysWhatTheKernelBound) {
  BindOptions insecure;
  insecure.tcp = Tcp::kPlainText;
  const auto socket = bind_address("localhost:0", insecure);
  ASSERT_TRUE(socket.ok()) << socket.error().message;
  EXPECT_THAT(socket->display, StartsWith("127.0.0.1:"));
  EXPECT_NE(socket->display, "127.0.0.1:0");
  EXPECT_FALSE(socket->unix_socket);
  EXPECT_FALSE(socket->tls);
  const auto name = bind_address("db.example:7070", insecure);
  ASSERT_FALSE(name.ok());
  EXPECT_EQ(name.error().code, ErrorCode::kInvalid);
}

TEST_F(ListenerTest, AnInheritedTcpSocketIsJudgedByItsOwnAddress) {
  const auto refused = adopt_socket(tcp_listener(), Tcp::kRefused);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, StartsWith("127.0.0.1:"));
  EXPECT_THAT(refused.error().message, HasSubstr("insecure = yes"));
  const auto adopted = adopt_socket(tcp_listener(), Tcp::kPlainText);
  ASSERT_TRUE(adopted.ok());
  EXPECT_NE(::fcntl(adopted->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(adopted->fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_TRUE(adopted->owned_path.empty());
}

TEST_F(ListenerTest, AnInheritedDescriptorMustListen) {
  UniqueFd idle(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(adopt_socket(std::move(idle), Tcp::kPlainText).ok());
  UniqueFd datagram(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(adopt_socket(std::move(datagram), Tcp::kPlainText).ok());
  UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(adopt_socket(std::move(file), Tcp::kPlainText).ok());
}

}  // namespace
}  // namespace takt::rpc
