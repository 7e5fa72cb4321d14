// SPDX-License-Identifier: Apache-2.0
#include "compat/old_fleet.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "rpc/address.h"
#include "rpc/status.h"

namespace takt::compat {
namespace {

constexpr std::size_t kAddressMaxBytes = 300;  // a host name's 253, brackets and a port

Error too_busy() {
  return make_error(ErrorCode::kResourceExhausted, "too many calls are under way; try again");
}

// One that can be dialled: host:port with both.
Result<void> check_address(const std::string& address) {
  if (address.size() > kAddressMaxBytes)
    return invalid("address", "is longer than " + std::to_string(kAddressMaxBytes) + " bytes");
  const auto parsed = rpc::parse_address(address, "address");
  if (!parsed) return parsed.error();
  if (parsed->unix_socket || parsed->port == 0)
    return invalid("address", "\"" + address + "\" cannot be dialled; accepted is host:port");
  return {};
}

}  // namespace

OldFleet::~OldFleet() { shutdown(milliseconds(0)); }

Result<void> OldFleet::begin(const rpc::ServiceFactory& scheduler_services) {
  auto scheduler = InProcess::create(scheduler_services, adapter_caller(rpc::Role::kWorker));
  if (!scheduler) return scheduler.error();
  scheduler_ = std::move(*scheduler);
  registry_ = v1::RegistryService::NewStub(scheduler_->channel());
  Result<void> loaded;
  thread_.run([this, &loaded] { loaded = load(); });
  return loaded;
}

Result<void> OldFleet::load() {
  auto all = archive_.load();
  if (!all) return all.error();
  for (Archive::Kept& kept : *all)
    if (auto made = make(std::move(kept)); !made) return made.error();
  return {};
}

Result<OldWorker*> OldFleet::make(Archive::Kept kept) {
  const Uuid id = kept.worker.id;
  auto worker = OldWorker::create({.thread = thread_,
                                   .archive = archive_,
                                   .slots = slots_,
                                   .announce = [this](const OldWorker& there) { announce(there); }},
                                  std::move(kept));
  if (!worker) return worker.error();
  OldWorker* const made = worker->get();
  workers_[id] = std::move(*worker);
  made->begin();
  return made;
}

// Counts one more request that waits for the thread; false if there are too many.
bool OldFleet::enter() {
  if (waiting_.fetch_add(1) < limits::kOldCallsMax) return true;
  waiting_.fetch_sub(1);
  return false;
}

void OldFleet::register_worker(const std::string& address, Done<Uuid> done) {
  if (auto good = check_address(address); !good) return done(good.error());
  if (!enter()) return done(too_busy());
  thread_.post([this, address, done = std::move(done)] {
    waiting_.fetch_sub(1);
    auto worker = find_or_make(address);
    if (!worker) return done(worker.error());
    if (auto kept = (*worker)->set_registered(true); !kept) return done(kept.error());
    tell_registered(**worker, [done, id = (*worker)->record().id](const grpc::Status& status) {
      done(status.ok() ? Result<Uuid>(id) : rpc::from_status(status));
    });
  });
}

void OldFleet::deregister_worker(const std::string& text, Done<bool> done) {
  const auto id = Uuid::parse(text);
  if (!id) return done(false);
  if (!enter()) return done(too_busy());
  thread_.post([this, id = *id, done = std::move(done)] {
    waiting_.fetch_sub(1);
    const auto found = workers_.find(id);
    if (found == workers_.end()) return done(false);
    if (auto kept = found->second->set_registered(false); !kept) return done(kept.error());
    tell_deregistered(*found->second, [done](const grpc::Status& status) {
      if (status.ok()) return done(true);
      if (status.error_code() == grpc::StatusCode::NOT_FOUND) return done(false);
      done(rpc::from_status(status));
    });
  });
}

Result<OldWorker*> OldFleet::find_or_make(const std::string& address) {
  for (const auto& [id, worker] : workers_)
    if (worker->record().address == address) return worker.get();
  if (auto room = make_room(); !room) return room.error();
  // Sockets are named after the first characters of the id.
  const auto taken = [this](const Uuid& id) {
    return std::any_of(workers_.begin(), workers_.end(), [&](const auto& other) {
      return archive_.address(other.first) == archive_.address(id);
    });
  };
  OldWorkerRecord record;
  do {
    record.id = Uuid::random();
  } while (taken(record.id));
  record.address = address;
  record.register_time = wall_now();
  if (auto put = archive_.put(record); !put) return put.error();
  return make({.worker = std::move(record), .attempts = {}});
}

Result<void> OldFleet::make_room() {
  if (workers_.size() < limits::kOldWorkersMax) return {};
  auto oldest = workers_.end();
  for (auto it = workers_.begin(); it != workers_.end(); ++it) {
    const OldWorker& worker = *it->second;
    if (worker.record().registered || !worker.idle()) continue;
    if (oldest == workers_.end() ||
        worker.record().register_time < oldest->second->record().register_time)
      oldest = it;
  }
  if (oldest == workers_.end())
    return make_error(ErrorCode::kResourceExhausted,
                      std::to_string(limits::kOldWorkersMax) +
                          " old workers are known already, and none of them has deregistered");
  if (auto removed = archive_.remove(oldest->first); !removed) return removed;
  std::shared_ptr<OldWorker> gone = std::move(oldest->second);
  workers_.erase(oldest);
  gone->begin_stop();
  gone->shutdown(milliseconds(0));
  // It makes no new tasks; those that wait, the slowest for a heartbeat, must still find it.
  thread_.post_later(2 * limits::kHeartbeat, [gone] {});
  return {};
}

void OldFleet::tell_registered(const OldWorker& worker, const Answer& answer) {
  v1::RegisterWorkerRequest request;
  request.set_worker_id(worker.record().id.str());
  request.set_name(worker.name());
  request.set_address(archive_.address(worker.record().id));
  request.set_boot_id(worker.record().id.str());
  request.set_version("jobscheduler");
  const bool begun = calls_.start<v1::RegisterWorkerResponse>(
      limits::kRpcDeadline, std::move(request),
      [this](auto... rest) { registry_->async()->RegisterWorker(std::move(rest)...); },
      [answer](const grpc::Status& status, const v1::RegisterWorkerResponse&) { answer(status); });
  if (!begun) answer(rpc::to_status(too_busy()));
}

void OldFleet::tell_deregistered(const OldWorker& worker, const Answer& answer) {
  v1::DeregisterWorkerRequest request;
  request.set_worker_id(worker.record().id.str());
  const bool begun = calls_.start<v1::DeregisterWorkerResponse>(
      limits::kRpcDeadline, std::move(request),
      [this](auto... rest) { registry_->async()->DeregisterWorker(std::move(rest)...); },
      [answer](const grpc::Status& status, const v1::DeregisterWorkerResponse&) {
        answer(status);
      });
  if (!begun) answer(rpc::to_status(too_busy()));
}

// Should it fail, the scheduler dials by itself what it knows, with back-off.
void OldFleet::announce(const OldWorker& worker) {
  tell_registered(worker, [name = worker.name()](const grpc::Status& status) {
    if (!status.ok())
      log_warning("the old worker " + name +
                  " answers, but the scheduler did not take it: " + status.error_message());
  });
}

void OldFleet::shutdown(milliseconds patience) {
  if (std::exchange(shut_down_, true)) return;
  std::vector<OldWorker*> all;
  thread_.run([this, &all] {
    for (const auto& [id, worker] : workers_) {
      worker->begin_stop();
      all.push_back(worker.get());
    }
  });
  const BootTime deadline = BootClock::now() + patience;
  const auto left = [deadline] {
    const auto rest = std::chrono::duration_cast<milliseconds>(deadline - BootClock::now());
    return std::max(rest, milliseconds(0));
  };
  for (OldWorker* worker : all) worker->shutdown(left());
  if (scheduler_) scheduler_->shutdown(left());
  calls_.cancel_and_wait();
  thread_.stop();
}

}  // namespace takt::compat
