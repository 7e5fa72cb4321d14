// SPDX-License-Identifier: Apache-2.0
#include "rpc/settings_ack.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace takt::rpc {
namespace {

using Found = SettingsAckFinder::Found;
using namespace std::string_literals;

const std::string kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string kOwnSettings = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"s;
const std::string kAcknowledged = "\0\0\0\4\1\0\0\0\0"s;

// Headers of 300 bytes, which look like an acknowledgement within.
std::string headers() {
  std::string payload = kAcknowledged;
  payload.resize(300, 'x');
  return "\0\1\x2c\1\4\0\0\0\1"s + payload;
}

TEST(SettingsAck, IsFoundWhereverTheBytesAreCut) {
  const std::string all = kClientPreface + kOwnSettings + headers() + kAcknowledged;
  for (std::size_t step = 1; step <= all.size(); ++step) {
    SettingsAckFinder finder;
    std::size_t at = 0;
    for (; at + step < all.size(); at += step)
      ASSERT_EQ(finder.feed(std::string_view(all).substr(at, step)), Found::kNotYet) << step;
    EXPECT_EQ(finder.feed(std::string_view(all).substr(at)), Found::kAcknowledged) << step;
  }
}

TEST(SettingsAck, IsNotInTheClientsOwnSettingsNorInAPayload) {
  SettingsAckFinder finder;
  EXPECT_EQ(finder.feed(kClientPreface + kOwnSettings + headers() + headers()), Found::kNotYet);
  EXPECT_EQ(finder.feed(""), Found::kNotYet);
}

TEST(SettingsAck, AnotherProtocolIsNotWaitedFor) {
  EXPECT_EQ(SettingsAckFinder().feed("GET / HTTP/1.1\r\n"), Found::kOther);
  SettingsAckFinder finder;
  EXPECT_EQ(finder.feed("PRI * "), Found::kNotYet);
  EXPECT_EQ(finder.feed("nonsense"), Found::kOther);
}

TEST(SettingsAck, TheOfferNamesTheStreams) {
  EXPECT_EQ(settings_frame(512), "\0\0\6\4\0\0\0\0\0\0\3\0\0\2\0"s);
}

}  // namespace
}  // namespace takt::rpc
