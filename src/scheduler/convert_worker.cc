// SPDX-License-Identifier: Apache-2.0
#include "scheduler/convert_worker.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/utf8.h"
#include "job/spec.h"
#include "rpc/address.h"
#include "rpc/convert.h"

namespace takt::scheduler {
namespace {

constexpr int kCapacityEntriesMax = 256;  // of each list
constexpr int kSlotsMax = 1000000;

v1::WorkerState state_to_proto(WorkerState state) {
  switch (state) {
    case WorkerState::kReady:
      return v1::WORKER_STATE_READY;
    case WorkerState::kUnreachable:
      return v1::WORKER_STATE_UNREACHABLE;
    case WorkerState::kLost:
      return v1::WORKER_STATE_LOST;
    case WorkerState::kAway:
      return v1::WORKER_STATE_AWAY;
    case WorkerState::kDraining:
      return v1::WORKER_STATE_DRAINING;
  }
  return v1::WORKER_STATE_UNSPECIFIED;
}

Result<Launcher> launcher_from_proto(int launcher) {
  switch (launcher) {
    case v1::LAUNCHER_SCOPE:
      return Launcher::kScope;
    case v1::LAUNCHER_CGROUP:
      return Launcher::kCgroup;
    default:
      return invalid("capacity.launchers", "has the unknown value " + std::to_string(launcher));
  }
}

v1::Capacity capacity_to_proto(const Capacity& capacity) {
  v1::Capacity message;
  message.set_slots(capacity.slots);
  message.set_direct_slots(static_cast<std::int32_t>(capacity.direct.slots));
  message.set_cpu_millicores(capacity.cpu_millicores);
  message.set_memory_bytes(capacity.memory_bytes);
  message.set_tasks(capacity.tasks);
  message.mutable_counted()->insert(capacity.counted.begin(), capacity.counted.end());
  v1::Resources* direct = message.mutable_direct();
  direct->set_cpu_millicores(capacity.direct.cpu_millicores);
  direct->set_memory_bytes(capacity.direct.memory_bytes);
  direct->set_tasks(capacity.direct.tasks);
  direct->mutable_counted()->insert(capacity.direct.counted.begin(), capacity.direct.counted.end());
  for (const std::string& name : capacity.controllers) message.add_controllers(clean_text(name));
  for (const Launcher launcher : capacity.launchers)
    message.add_launchers(rpc::launcher_to_proto(launcher));
  return message;
}

// Sums of these stay within 64 bits.
bool is_amount(std::int64_t amount) { return amount >= 0 && amount <= limits::kMemoryMaxBytes; }

template <class Counts>
bool in_bounds(const Counts& counted) {
  return std::all_of(counted.begin(), counted.end(), [](const auto& entry) {
    return entry.second >= 0 && entry.second <= limits::kCountedMax &&
           entry.first.size() <= limits::kNameMaxBytes;
  });
}

bool has_bounds(const v1::Capacity& capacity) {
  const v1::Resources& direct = capacity.direct();
  return is_amount(direct.cpu_millicores()) && is_amount(direct.memory_bytes()) &&
         is_amount(direct.tasks()) && is_amount(capacity.cpu_millicores()) &&
         is_amount(capacity.memory_bytes()) && is_amount(capacity.tasks()) &&
         in_bounds(direct.counted()) && in_bounds(capacity.counted());
}

Result<void> check_short(const std::string& text, const std::string& field) {
  if (text.size() <= limits::kNameMaxBytes) return {};
  return invalid(field, "has " + std::to_string(text.size()) + " bytes; at most " +
                            std::to_string(limits::kNameMaxBytes) + " are accepted");
}

}  // namespace

Result<Capacity> capacity_from_proto(const v1::Capacity& message) {
  if (message.slots() < 0 || message.slots() > kSlotsMax)
    return invalid("capacity.slots", std::to_string(message.slots()) + " is not 0 to 1000000");
  if (message.direct_slots() < 0 || message.direct_slots() > kSlotsMax)
    return invalid("capacity.direct_slots", "is not 0 to 1000000");
  if (!has_bounds(message))
    return invalid("capacity",
                   "has an amount below 0 or far above what any host has, or a name of "
                   "more than 128 bytes");
  if (message.controllers_size() > kCapacityEntriesMax ||
      message.launchers_size() > kCapacityEntriesMax ||
      message.counted_size() > kCapacityEntriesMax ||
      message.direct().counted_size() > kCapacityEntriesMax)
    return invalid("capacity", "has a list of more than 256 entries");
  Capacity capacity;
  capacity.slots = message.slots();
  capacity.fault = clean_text(message.fault(), limits::kReasonMaxBytes);
  capacity.tasks = message.tasks();
  capacity.direct = {message.direct_slots(),
                     message.direct().cpu_millicores(),
                     message.direct().memory_bytes(),
                     message.direct().tasks(),
                     {message.direct().counted().begin(), message.direct().counted().end()}};
  capacity.cpu_millicores = message.cpu_millicores();
  capacity.memory_bytes = message.memory_bytes();
  capacity.counted.insert(message.counted().begin(), message.counted().end());
  for (const std::string& name : message.controllers())
    capacity.controllers.push_back(clean_text(name, limits::kNameMaxBytes));
  for (const int number : message.launchers()) {
    const auto launcher = launcher_from_proto(number);
    if (!launcher) return launcher.error();
    capacity.launchers.push_back(*launcher);
  }
  return capacity;
}

v1::Worker worker_to_proto(const store::WorkerView& view) {
  const WorkerRecord& worker = view.worker;
  v1::Worker message;
  message.set_worker_id(worker.id.str());
  message.set_name(clean_text(worker.name));
  message.set_address(clean_text(worker.address));
  message.set_state(state_to_proto(shown_state(worker)));
  for (const auto& [key, value] : worker.labels)
    (*message.mutable_labels())[clean_text(key)] = clean_text(value);
  *message.mutable_capacity() = capacity_to_proto(worker.capacity);
  message.set_running(view.running);
  message.set_boot_id(clean_text(worker.boot_id));
  message.set_version(clean_text(worker.version));
  *message.mutable_state_time() = rpc::time_to_proto(worker.state_time);
  *message.mutable_register_time() = rpc::time_to_proto(worker.register_time);
  if (worker.drain) {
    v1::Drain* drain = message.mutable_drain();
    drain->set_requested_by(clean_text(worker.drain->by));
    drain->set_reason(clean_text(worker.drain->reason));
    *drain->mutable_start_time() = rpc::time_to_proto(worker.drain->start_time);
    if (worker.drain->deadline)
      *drain->mutable_deadline_time() = rpc::time_to_proto(*worker.drain->deadline);
  }
  return message;
}

Result<WorkerRecord> worker_from_registration(const v1::RegisterWorkerRequest& request) {
  WorkerRecord worker;
  const auto id = Uuid::parse(request.worker_id(), "worker_id");
  if (!id) return id.error();
  if (id->is_nil()) return invalid("worker_id", "is the nil UUID");
  if (request.name().empty()) return invalid("name", "is empty; give the worker's name");
  if (auto checked = validate_name(request.name(), "name"); !checked) return checked.error();
  if (auto address = rpc::parse_address(request.address(), "address"); !address)
    return address.error();
  if (request.boot_id().empty()) return invalid("boot_id", "is empty; give the host's boot id");
  if (auto checked = check_short(request.boot_id(), "boot_id"); !checked) return checked.error();
  if (auto checked = check_short(request.version(), "version"); !checked) return checked.error();
  worker.id = *id;
  worker.name = request.name();
  worker.address = request.address();
  worker.boot_id = request.boot_id();
  worker.version = request.version();
  return worker;
}

Result<void> apply_hello(WorkerRecord& worker, const v1::WorkerHello& hello) {
  const auto id = Uuid::parse(hello.worker_id(), "hello.worker_id");
  if (!id) return id.error();
  if (*id != worker.id) {
    return invalid("hello.worker_id", "another worker (" + hello.name() + ", " + id->str() +
                                          ") answers at " + worker.address);
  }
  if (hello.boot_id().empty()) return invalid("hello.boot_id", "is empty");
  if (auto checked = check_short(hello.boot_id(), "hello.boot_id"); !checked) return checked;
  if (auto checked = check_short(hello.version(), "hello.version"); !checked) return checked;
  if (!hello.name().empty() && hello.name() != worker.name) {
    return invalid("hello.name",
                   "the worker that registered as \"" + worker.name + "\" says that it is \"" +
                       clean_text(hello.name(), limits::kNameMaxBytes) +
                       "\"; restart takt-worker there, so that it registers under its name");
  }
  auto capacity = capacity_from_proto(hello.capacity());
  if (!capacity) return capacity.error();
  Labels labels(hello.labels().begin(), hello.labels().end());
  if (auto checked = validate_labels(labels, "hello.labels"); !checked) return checked;
  worker.boot_id = hello.boot_id();
  worker.version = hello.version();
  worker.capacity = std::move(*capacity);
  worker.labels = std::move(labels);
  return {};
}

}  // namespace takt::scheduler
