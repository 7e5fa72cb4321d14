// SPDX-License-Identifier: Apache-2.0
#include "sd/unit_jobs.h"

#include <systemd/sd-bus.h>

#include <cstdlib>
#include <string_view>

#include "base/limits.h"
#include "base/log.h"

namespace takt::sd {
namespace {

constexpr const char* kBusName = "org.freedesktop.DBus";
constexpr const char* kBusPath = "/org/freedesktop/DBus";
constexpr const char* kUnitInterface = "org.freedesktop.systemd1.Unit";
constexpr std::size_t kEarlyMax = 8;  // ended jobs of one unit kept until the reply names ours

bool sent_by(sd_bus_message* message, std::string_view sender) {
  const char* actual = sd_bus_message_get_sender(message);
  return actual != nullptr && !sender.empty() && actual == sender;
}

Result<void> result_of_job(const std::string& unit, const std::string& result) {
  if (result == "done") return {};
  ErrorCode code = ErrorCode::kFailedPrecondition;
  if (result == "canceled") code = ErrorCode::kCancelled;
  if (result == "timeout") code = ErrorCode::kDeadlineExceeded;
  return make_error(
      code, "systemd's job for " + unit + " ended as \"" + result + "\" instead of \"done\"");
}

}  // namespace

Bus::Method manager_method(std::string member) {
  return {kSystemdName, kSystemdPath, kSystemdManager, std::move(member)};
}

std::string unit_path(const std::string& unit) {
  char* path = nullptr;
  const int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
  TAKT_CHECK(r >= 0, "cannot make an object path: error %d", -r);
  std::string text = path;
  std::free(path);
  return text;
}

// Wraps a function of the bus, which may outlive us.
template <class F>
auto UnitJobs::guarded(F fn) {
  return [weak = weak_from_this(), fn = std::move(fn)](auto&&... args) {
    if (const auto alive = weak.lock()) fn(std::forward<decltype(args)>(args)...);
  };
}

std::shared_ptr<UnitJobs> UnitJobs::create(Bus& bus, EventLoop& loop) {
  std::shared_ptr<UnitJobs> jobs(new UnitJobs(bus, loop));
  jobs->watch();
  return jobs;
}

void UnitJobs::watch() {
  bus_.add_match(
      "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
      "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
      "arg0='org.freedesktop.systemd1'",
      guarded([this](sd_bus_message* message) { on_owner_changed(message); }));
  bus_.add_match(
      "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
      "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'",
      guarded([this](sd_bus_message* message) { on_job_removed(message); }));
  bus_.on_connected(guarded([this] { on_connected(); }));
  if (bus_.connected()) on_connected();
}

void UnitJobs::on_connected() {
  owner_.clear();
  const auto fill = [](sd_bus_message* m) { return sd_bus_message_append(m, "s", kSystemdName); };
  // The bus itself answers, so the answer is here before anything that PID 1 says.
  bus_.call({kBusName, kBusPath, kBusName, "GetNameOwner"}, limits::kBusCall, fill,
            guarded([this](Result<sd_bus_message*> reply) {
              const char* owner = nullptr;
              if (!reply) {
                if (reply.error().code != ErrorCode::kUnavailable)
                  log_warning("who speaks for systemd on the bus is unknown until it restarts: " +
                              reply.error().message);
              } else if (sd_bus_message_read(*reply, "s", &owner) >= 0) {
                owner_ = owner;
              }
            }));
  subscribe();
}

void UnitJobs::on_owner_changed(sd_bus_message* message) {
  const char* name = nullptr;
  const char* before = nullptr;
  const char* now = nullptr;
  if (!sent_by(message, kBusName)) return;
  if (sd_bus_message_read(message, "sss", &name, &before, &now) < 0) return;
  if (std::string_view(name) != kSystemdName) return;
  owner_ = now;
  if (!owner_.empty()) subscribe();
}

void UnitJobs::subscribe() {
  bus_.call(
      manager_method("Subscribe"), limits::kBusCall, [](sd_bus_message*) { return 0; },
      guarded([this](const Result<sd_bus_message*>& reply) {
        if (!reply && reply.error().code == ErrorCode::kUnavailable) return;  // comes again
        if (!reply && reply.error().code != ErrorCode::kExists)
          log_warning("systemd may not tell when units have started: " + reply.error().message);
        // From here on no end of a job is missed. Those that ended before are found now.
        look_at_all();
      }));
}

void UnitJobs::look_at_all() {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, operation] : operations_)
    if (operation.stage != Stage::kCalled) numbers.push_back(number);
  for (const std::uint64_t number : numbers) look(number);
}

void UnitJobs::run(Request request) {
  const std::uint64_t number = next_number_++;
  by_unit_.emplace(request.unit, number);
  Operation& operation = operations_[number];
  operation.deadline = BootClock::now() + request.patience;
  operation.request = std::move(request);
  operation.deadline_timer = loop_.add_timer(operation.deadline, [this, number] {
    const std::string& unit = operations_.at(number).request.unit;
    const std::string why = bus_.connected() ? "" : "no connection to the bus: ";
    finish(number, make_error(ErrorCode::kDeadlineExceeded,
                              why + "systemd has not finished its job for " + unit + " in time"));
  });
  send(number);
}

void UnitJobs::send(std::uint64_t number) {
  Operation& operation = operations_.at(number);
  operation.stage = Stage::kCalled;
  operation.early.clear();
  const Ticket ticket{number, ++operation.turn};
  bus_.call(manager_method(operation.request.method), operation.deadline - BootClock::now(),
            operation.request.fill, guarded([this, ticket](Result<sd_bus_message*> reply) {
              on_reply(ticket, std::move(reply));
            }));
}

void UnitJobs::on_reply(Ticket ticket, Result<sd_bus_message*> reply) {
  Operation* operation = find(ticket);
  if (operation == nullptr) return;
  if (reply) {
    const char* job = nullptr;
    const int r = sd_bus_message_read(*reply, "o", &job);
    if (r < 0) return finish(ticket.number, system_error("reading systemd's answer", -r));
    return on_job(ticket.number, job, true);
  }
  const ErrorCode code = reply.error().code;
  if (code == ErrorCode::kUnavailable || (code == ErrorCode::kExists && operation->again))
    return doubt(ticket.number);
  if (code == ErrorCode::kNotFound && operation->request.goal == Goal::kGone)
    return finish(ticket.number, {});
  finish(ticket.number, reply.error());
}

void UnitJobs::on_job(std::uint64_t number, std::string job, bool ours) {
  Operation& operation = operations_.at(number);
  operation.stage = Stage::kQueued;
  operation.job = std::move(job);
  operation.job_is_ours = ours;
  for (const auto& [ended, result] : std::exchange(operation.early, {}))
    if (ended == operation.job) return job_ended(number, std::string(result));
}

void UnitJobs::on_job_removed(sd_bus_message* message) {
  std::uint32_t id = 0;
  const char* job = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  if (!sent_by(message, owner_)) return;
  if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0) return;
  std::vector<std::uint64_t> ended;
  const auto [first, last] = by_unit_.equal_range(unit);
  for (auto place = first; place != last; ++place) {
    Operation& operation = operations_.at(place->second);
    if (operation.stage == Stage::kQueued && operation.job == job) ended.push_back(place->second);
    if (operation.stage != Stage::kCalled) continue;
    if (operation.early.size() >= kEarlyMax) operation.early.erase(operation.early.begin());
    operation.early.emplace_back(job, result);
  }
  for (const std::uint64_t number : ended)
    if (operations_.contains(number)) job_ended(number, result);
}

void UnitJobs::job_ended(std::uint64_t number, const std::string& result) {
  const Operation& operation = operations_.at(number);
  if (!operation.job_is_ours) return look(number);
  finish(number, result_of_job(operation.request.unit, result));
}

// Whether the call had its effect is unknown. Looked at soon, or when PID 1 is back.
void UnitJobs::doubt(std::uint64_t number) {
  Operation& operation = operations_.at(number);
  operation.stage = Stage::kDoubtful;
  ++operation.turn;
  if (!bus_.connected() || owner_.empty()) return;
  operation.retry_timer = loop_.add_timer(limits::kReconnectMin, [this, number] { look(number); });
}

void UnitJobs::look(std::uint64_t number) {
  Operation& operation = operations_.at(number);
  operation.retry_timer.reset();
  const Ticket ticket{number, ++operation.turn};
  get_property(operation.request.unit, "Job",
               guarded([this, ticket](Result<sd_bus_message*> reply) {
                 on_job_property(ticket, std::move(reply));
               }));
}

void UnitJobs::on_job_property(Ticket ticket, Result<sd_bus_message*> reply) {
  Operation* operation = find(ticket);
  if (operation == nullptr) return;
  std::uint32_t id = 0;
  const char* job = nullptr;
  if (reply && sd_bus_message_enter_container(*reply, 'v', "(uo)") >= 0 &&
      sd_bus_message_read(*reply, "(uo)", &id, &job) >= 0 && id != 0) {
    const bool ours =
        operation->stage == Stage::kQueued && operation->job_is_ours && operation->job == job;
    return on_job(ticket.number, job, ours);
  }
  get_property(operation->request.unit, "ActiveState",
               guarded([this, ticket](Result<sd_bus_message*> state) {
                 on_state(ticket, std::move(state));
               }));
}

void UnitJobs::on_state(Ticket ticket, Result<sd_bus_message*> reply) {
  Operation* operation = find(ticket);
  if (operation == nullptr) return;
  const char* text = nullptr;
  std::string_view state = "inactive";  // PID 1 knows no such unit
  if (!reply && (reply.error().code == ErrorCode::kUnavailable ||
                 reply.error().code == ErrorCode::kDeadlineExceeded))
    return doubt(ticket.number);
  if (reply && sd_bus_message_read(*reply, "v", "s", &text) >= 0) state = text;

  const bool up = state == "active" || state == "reloading";
  const bool gone = state == "inactive" || state == "failed";
  if (up || gone) {
    if (up == (operation->request.goal == Goal::kUp)) return finish(ticket.number, {});
    operation->again = true;
    return send(ticket.number);
  }
  doubt(ticket.number);  // on its way: look again
}

void UnitJobs::finish(std::uint64_t number, Result<void> result) {
  const auto node = operations_.extract(number);
  const Operation& operation = node.mapped();
  const auto [first, last] = by_unit_.equal_range(operation.request.unit);
  for (auto place = first; place != last; ++place) {
    if (place->second != number) continue;
    by_unit_.erase(place);
    break;
  }
  operation.request.done(std::move(result));
}

void UnitJobs::fail_later(OnDone done, Error error) {
  const std::uint64_t number = next_number_++;
  failing_[number] = loop_.add_timer(
      nanoseconds(0), [this, number, done = std::move(done), error = std::move(error)] {
        failing_.erase(number);
        done(error);
      });
}

UnitJobs::Operation* UnitJobs::find(Ticket ticket) {
  const auto place = operations_.find(ticket.number);
  if (place == operations_.end() || place->second.turn != ticket.turn) return nullptr;
  return &place->second;
}

void UnitJobs::get_property(const std::string& unit, const char* name, Bus::Done done) {
  bus_.call(
      {kSystemdName, unit_path(unit), "org.freedesktop.DBus.Properties", "Get"}, limits::kBusCall,
      [name](sd_bus_message* m) { return sd_bus_message_append(m, "ss", kUnitInterface, name); },
      std::move(done));
}

}  // namespace takt::sd
