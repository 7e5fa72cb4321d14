// SPDX-License-Identifier: Apache-2.0
#include "support/bad_times.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <grpcpp/generic/generic_stub.h>

#include <chrono>
#include <cstdint>
#include <limits>

namespace takt::test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Timestamp;
using Path = std::vector<const FieldDescriptor*>;

struct Numbers {
  std::int64_t seconds;
  std::int32_t nanos;
};
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr Numbers kBadEverywhere[] = {{kMost, 0}, {kLeast, 0}, {253'402'300'800, 0},
                                      {-1, 0},    {1, -1},     {1, 1'000'000'000}};

void find_times(const Descriptor& type, Path& path, std::vector<Path>& found) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* const field = type.field(i);
    const Descriptor* const within = field->message_type();
    if (within == nullptr || field->is_map()) continue;
    path.push_back(field);
    if (within == Timestamp::descriptor() || within == Duration::descriptor()) {
      found.push_back(path);
    } else {
      find_times(*within, path, found);
    }
    path.pop_back();
  }
}

void put(Message& message, const Path& path, const Numbers& numbers) {
  Message* at = &message;
  for (const FieldDescriptor* field : path) {
    const auto* reflection = at->GetReflection();
    at = field->is_repeated() ? reflection->AddMessage(at, field)
                              : reflection->MutableMessage(at, field);
  }
  const auto* type = at->GetDescriptor();
  at->GetReflection()->SetInt64(at, type->FindFieldByName("seconds"), numbers.seconds);
  at->GetReflection()->SetInt32(at, type->FindFieldByName("nanos"), numbers.nanos);
}

std::string text_of(const Path& path) {
  std::string text;
  for (const FieldDescriptor* field : path)
    text += (text.empty() ? "" : ".") + field->name() + (field->is_repeated() ? "[0]" : "");
  return text;
}

}  // namespace

std::vector<BadTime> bad_times(const std::string& service) {
  std::vector<BadTime> all;
  const auto* const found = DescriptorPool::generated_pool()->FindServiceByName(service);
  for (int i = 0; found != nullptr && i < found->method_count(); ++i) {
    const auto* const method = found->method(i);
    if (method->client_streaming()) continue;
    std::vector<Path> paths;
    Path path;
    find_times(*method->input_type(), path, paths);
    for (const Path& one : paths) {
      for (const Numbers& numbers : kBadEverywhere) {
        BadTime bad{
            .method = "/" + service + "/" + method->name(),
            .field = text_of(one),
            .request = std::shared_ptr<Message>(
                MessageFactory::generated_factory()->GetPrototype(method->input_type())->New()),
            .what =
                std::to_string(numbers.seconds) + " s " + std::to_string(numbers.nanos) + " ns"};
        put(*bad.request, one, numbers);
        all.push_back(std::move(bad));
      }
    }
  }
  return all;
}

grpc::Status call(const std::shared_ptr<grpc::Channel>& channel, const BadTime& bad) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const grpc::Slice bytes(bad.request->SerializeAsString());
  grpc::CompletionQueue queue;
  const auto reader =
      stub.PrepareUnaryCall(&context, bad.method, grpc::ByteBuffer(&bytes, 1), &queue);
  reader->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  int tag = 0;
  reader->Finish(&answer, &status, &tag);
  void* got = nullptr;
  bool ok = false;
  queue.Next(&got, &ok);
  queue.Shutdown();
  return status;
}

}  // namespace takt::test
