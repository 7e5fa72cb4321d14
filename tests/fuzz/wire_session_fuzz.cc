// SPDX-License-Identifier: Apache-2.0
// What scheduler and worker say to each other, at registration and in a session: either may be
// broken or lie. What is taken can be sent on: it is written as a message that every reader can
// parse.
#include "fuzz/fuzz.h"
#include "rpc/convert.h"
#include "rpc/convert_spec.h"
#include "rpc/convert_usage.h"
#include "scheduler/convert_worker.h"
#include "takt/v1/registry_service.pb.h"
#include "takt/v1/worker_service.pb.h"

namespace takt::fuzz {
namespace {

constexpr auto kGraceMax = microseconds(1'000'000);

template <class Message>
void expect_readable(const Message& message) {
  Message again;
  TAKT_CHECK(again.ParseFromString(message.SerializeAsString()), "no reader can parse it");
}

bool take_attempt(const v1::AttemptReport& report) {
  const auto attempt = rpc::attempt_from_proto(report.attempt());
  if (!attempt) return false;
  const v1::Attempt written = rpc::attempt_to_proto(*attempt);
  expect_readable(written);
  TAKT_CHECK(rpc::attempt_from_proto(written).ok(), "an attempt that was taken is refused");
  return true;
}

bool take_hello(const v1::WorkerHello& hello) {
  WorkerRecord worker;
  if (const auto id = Uuid::parse(hello.worker_id())) worker.id = *id;
  worker.name = hello.name();
  if (!scheduler::apply_hello(worker, hello)) return false;
  expect_readable(scheduler::worker_to_proto({.worker = worker}));
  return true;
}

bool take_usages(const v1::AttemptUsages& usages) {
  for (const v1::AttemptUsage& usage : usages.usages()) {
    static_cast<void>(rpc::usage_from_proto(usage.usage()));
    static_cast<void>(rpc::remaining_from_proto(usage.remaining()));
  }
  return usages.usages_size() > 0;
}

bool take_from_worker(std::string_view input) {
  v1::SessionResponse message;
  if (!message.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  bool taken = message.has_hello() && take_hello(message.hello());
  taken |= message.has_report() && take_attempt(message.report());
  for (const v1::AttemptReport& report : message.list().reports()) taken |= take_attempt(report);
  taken |= message.has_capacity() && scheduler::capacity_from_proto(message.capacity()).ok();
  taken |= message.has_usages() && take_usages(message.usages());
  taken |= message.has_description() && rpc::spec_from_proto(message.description().spec()).ok();
  if (message.refused().has_retry_time())
    static_cast<void>(rpc::time_from_proto(message.refused().retry_time()));
  return taken;
}

bool take_registration(std::string_view input) {
  v1::RegisterWorkerRequest request;
  if (!request.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  const auto worker = scheduler::worker_from_registration(request);
  if (!worker) return false;
  TAKT_CHECK(!worker->id.is_nil() && !worker->name.empty(), "a worker without a name");
  expect_readable(scheduler::worker_to_proto({.worker = *worker}));
  return true;
}

bool take_from_scheduler(std::string_view input) {
  v1::SessionRequest message;
  if (!message.ParseFromArray(input.data(), static_cast<int>(input.size()))) return false;
  bool taken = message.has_hello() && Uuid::parse(message.hello().store_id()).ok();
  taken |= message.has_start() && rpc::spec_from_proto(message.start().spec()).ok();
  if (message.stop().has_grace())
    taken |= rpc::duration_from_proto(message.stop().grace(), "grace", kGraceMax).ok();
  return taken;
}

}  // namespace

bool feed(std::string_view input) {
  const bool worker = take_from_worker(input);
  const bool scheduler = take_from_scheduler(input);
  const bool registration = take_registration(input);
  return worker || scheduler || registration;
}

}  // namespace takt::fuzz
