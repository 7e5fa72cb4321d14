// SPDX-License-Identifier: Apache-2.0
// Every request of a service with every time in it made bad, one at a time, by the descriptors: a
// field that is added later is among them.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

namespace takt::test {

struct BadTime {
  std::string method;  // "/takt.v1.JobService/StopJob"
  std::string field;   // "specs[0].not_before_time"
  std::shared_ptr<google::protobuf::Message> request;
  std::string what;  // of the time: for messages of failed tests
};

// Of calls with one request of that service ("takt.v1.JobService"); what a session sends is checked
// message by message.
std::vector<BadTime> bad_times(const std::string& service);

// Calls it, and gives what it was answered.
grpc::Status call(const std::shared_ptr<grpc::Channel>& channel, const BadTime& bad);

}  // namespace takt::test
