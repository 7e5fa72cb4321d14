// SPDX-License-Identifier: Apache-2.0
#include "sd/bus.h"

#include <errno.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace takt::sd {
namespace {

constexpr const char* kLocal = "org.freedesktop.DBus.Local";
constexpr const char* kLocalPath = "/org/freedesktop/DBus/Local";
constexpr const char* kSystemBus = "unix:path=/run/dbus/system_bus_socket";

struct MessageUnref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};

}  // namespace

struct Bus::Call {
  Call(Bus* bus_in, std::uint64_t number_in) : bus(bus_in), number(number_in) {}
  ~Call() { sd_bus_slot_unref(slot); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  [[nodiscard]] Error error(ErrorCode code, const std::string& what) const {
    return make_error(code, method.member + " of " + method.destination + ": " + what);
  }

  Bus* bus;
  std::uint64_t number;
  Method method;
  Fill fill;
  Done done;
  Source timer;
  sd_bus_slot* slot = nullptr;  // while it is in flight
};

struct Bus::Match {
  std::string rule;
  OnSignal fn;
};

// What sd-bus calls. A negative return would end the connection.
struct Bus::Handlers {
  static int on_reply(sd_bus_message* message, void* call, sd_bus_error*);
  static int on_match(sd_bus_message* message, void* match, sd_bus_error*);
  static int on_local(sd_bus_message* message, void* self, sd_bus_error*);
};

Bus::Bus(EventLoop& loop, Options options)
    : loop_(loop), options_(std::move(options)), backoff_(options_.reconnect_min) {
  if (options_.address.empty()) {
    const char* configured = ::secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
    options_.address = configured != nullptr ? configured : kSystemBus;
  }
  connect();
}

Bus::~Bus() {
  waiting_.clear();
  in_flight_.clear();
  failed_.clear();
  close();
}

void Bus::call(Method method, nanoseconds timeout, Fill fill, Done done) {
  auto call = std::make_unique<Call>(this, next_number_++);
  call->method = std::move(method);
  call->fill = std::move(fill);
  call->done = std::move(done);
  call->timer = loop_.add_timer(timeout, [this, number = call->number] { expire(number); });
  if (greeting_ && can_send()) return send(std::move(call));
  if (waiting_.size() >= options_.waiting_max) {
    Error full = call->error(ErrorCode::kResourceExhausted,
                             std::to_string(waiting_.size()) + " calls wait to be sent already");
    return fail_later(std::move(call), std::move(full));
  }
  const std::uint64_t number = call->number;
  waiting_.emplace(number, std::move(call));
  pump();
}

void Bus::add_match(std::string rule, OnSignal fn) {
  matches_.push_back(std::make_unique<Match>(Match{std::move(rule), std::move(fn)}));
  if (connected_) install(*matches_.back());
}

// sd-bus ends the connection when the bus refuses a rule.
void Bus::install(Match& match) {
  const int r = sd_bus_add_match_async(bus_, nullptr, match.rule.c_str(), Handlers::on_match,
                                       nullptr, &match);
  TAKT_CHECK(r >= 0 || r == -ENOTCONN, "bad match rule %s: error %d", match.rule.c_str(), -r);
}

void Bus::on_connected(std::function<void()> fn) { on_connected_.push_back(std::move(fn)); }

Result<void> Bus::open() {
  if (const int r = sd_bus_new(&bus_); r < 0) return system_error("making a bus object", -r);
  int r = sd_bus_set_address(bus_, options_.address.c_str());
  if (r >= 0) r = sd_bus_set_bus_client(bus_, 1);
  if (r >= 0) r = sd_bus_set_connected_signal(bus_, 1);
  for (const char* member : {"Connected", "Disconnected"}) {
    if (r >= 0)
      r = sd_bus_match_signal(bus_, nullptr, kLocal, kLocalPath, kLocal, member, Handlers::on_local,
                              this);
  }
  if (r >= 0) r = sd_bus_start(bus_);
  if (r >= 0) r = sd_bus_attach_event(bus_, loop_.handle(), SD_EVENT_PRIORITY_NORMAL);
  if (r < 0) return system_error("connecting", -r);
  return {};
}

void Bus::connect() {
  close();
  if (auto opened = open(); !opened) {
    close();
    return lost(opened.error().message);
  }
  timer_ = loop_.add_timer(limits::kBusConnect, [this] {
    close();
    lost("no welcome in time");
  });
}

void Bus::close() {
  if (bus_ == nullptr) return;
  sd_bus_detach_event(bus_);
  sd_bus_close_unref(std::exchange(bus_, nullptr));
}

void Bus::up() {
  timer_.reset();
  backoff_ = options_.reconnect_min;
  if (std::exchange(complained_, false)) log_notice("connected to the bus again");
  connected_ = true;
  for (const auto& match : matches_) install(*match);
  greeting_ = true;
  for (std::size_t i = 0; i < on_connected_.size(); ++i) on_connected_[i]();
  greeting_ = false;
  pump();
}

void Bus::lost(const std::string& why) {
  if (!std::exchange(complained_, true))
    log_warning("no connection to the bus at " + options_.address + " (" + why +
                "); trying again until there is");
  connected_ = false;
  timer_ = loop_.add_timer(backoff_, [this] { connect(); });
  backoff_ = std::min(backoff_ * 2, options_.reconnect_max);
  const Calls lost_calls = std::exchange(in_flight_, {});
  for (const auto& [number, call] : lost_calls)
    call->done(call->error(ErrorCode::kUnavailable, "the connection to the bus was lost"));
}

// A connection that is being torn down still has its calls failed one by one: nothing more goes
// into it.
bool Bus::can_send() const {
  return connected_ && in_flight_.size() < options_.in_flight_max && sd_bus_is_open(bus_) > 0;
}

void Bus::pump() {
  while (!waiting_.empty() && can_send())
    send(std::move(waiting_.extract(waiting_.begin()).mapped()));
}

void Bus::send(std::unique_ptr<Call> call) {
  const Method& method = call->method;
  sd_bus_message* raw = nullptr;
  int r =
      sd_bus_message_new_method_call(bus_, &raw, method.destination.c_str(), method.path.c_str(),
                                     method.interface.c_str(), method.member.c_str());
  const std::unique_ptr<sd_bus_message, MessageUnref> message(raw);
  if (r >= 0) r = call->fill(raw);
  if (r >= 0)  // its own timer bounds the call
    r = sd_bus_call_async(bus_, &call->slot, raw, Handlers::on_reply, call.get(), UINT64_MAX);
  if (r < 0) {
    const ErrorCode code = r == -EINVAL ? ErrorCode::kInvalid : ErrorCode::kUnavailable;
    Error error = call->error(code, "cannot be sent: " + errno_text(-r));
    return fail_later(std::move(call), std::move(error));
  }
  const std::uint64_t number = call->number;
  in_flight_.emplace(number, std::move(call));
}

void Bus::expire(std::uint64_t number) {
  if (const auto node = waiting_.extract(number)) {
    const Call& call = *node.mapped();
    const char* why = connected_ ? "not sent in time, too many calls are in flight"
                                 : "not sent in time, there is no connection to the bus";
    return call.done(call.error(ErrorCode::kDeadlineExceeded, why));
  }
  if (const auto node = in_flight_.extract(number)) {
    const Call& call = *node.mapped();
    call.done(call.error(ErrorCode::kDeadlineExceeded, "no reply in time"));
    pump();
  }
}

void Bus::fail_later(std::unique_ptr<Call> call, Error error) {
  const std::uint64_t number = call->number;
  call->timer = loop_.add_timer(nanoseconds(0), [this, number, error = std::move(error)] {
    const auto node = failed_.extract(number);
    node.mapped()->done(error);
  });
  failed_.emplace(number, std::move(call));
}

int Bus::Handlers::on_reply(sd_bus_message* message, void* call_in, sd_bus_error*) {
  const Call& call = *static_cast<const Call*>(call_in);
  Bus& bus = *call.bus;
  const auto node = bus.in_flight_.extract(call.number);  // keeps the call until the end
  if (sd_bus_message_is_method_error(message, nullptr) > 0) {
    const sd_bus_error* error = sd_bus_message_get_error(message);
    call.done(error_from_name(error->name, error->message != nullptr ? error->message : "")
                  .in(call.method.member));
  } else {
    call.done(message);
  }
  bus.pump();
  return 0;
}

int Bus::Handlers::on_match(sd_bus_message* message, void* match, sd_bus_error*) {
  static_cast<const Match*>(match)->fn(message);
  return 0;
}

int Bus::Handlers::on_local(sd_bus_message* message, void* self, sd_bus_error*) {
  Bus& bus = *static_cast<Bus*>(self);
  if (std::string_view(sd_bus_message_get_member(message)) == "Connected")
    bus.up();
  else
    bus.lost("disconnected");
  return 0;
}

Error Bus::error_from_name(const std::string& name, const std::string& message) {
  static constexpr std::pair<std::string_view, ErrorCode> kCodes[] = {
      {"org.freedesktop.systemd1.UnitExists", ErrorCode::kExists},
      {"org.freedesktop.systemd1.AlreadySubscribed", ErrorCode::kExists},
      {"org.freedesktop.systemd1.NoSuchUnit", ErrorCode::kNotFound},
      {"org.freedesktop.systemd1.JobTypeNotApplicable", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.LoadFailed", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.NoIsolation", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.OnlyByDependency", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.ShuttingDown", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.TransactionIsDestructive", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.TransactionJobsConflicting", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.systemd1.UnitMasked", ErrorCode::kFailedPrecondition},
      {"org.freedesktop.DBus.Error.UnixProcessIdUnknown", ErrorCode::kNotFound},
      {"org.freedesktop.DBus.Error.FileNotFound", ErrorCode::kNotFound},
      {"org.freedesktop.DBus.Error.AccessDenied", ErrorCode::kPermissionDenied},
      {"org.freedesktop.DBus.Error.AuthFailed", ErrorCode::kPermissionDenied},
      {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", ErrorCode::kPermissionDenied},
      {"org.freedesktop.DBus.Error.InvalidArgs", ErrorCode::kInvalid},
      {"org.freedesktop.DBus.Error.PropertyReadOnly", ErrorCode::kInvalid},
      {"org.freedesktop.DBus.Error.UnknownProperty", ErrorCode::kInvalid},
      {"org.freedesktop.DBus.Error.LimitsExceeded", ErrorCode::kResourceExhausted},
      {"org.freedesktop.DBus.Error.NoMemory", ErrorCode::kResourceExhausted},
      {"org.freedesktop.DBus.Error.Disconnected", ErrorCode::kUnavailable},
      {"org.freedesktop.DBus.Error.NameHasNoOwner", ErrorCode::kUnavailable},
      {"org.freedesktop.DBus.Error.NoReply", ErrorCode::kUnavailable},
      {"org.freedesktop.DBus.Error.ServiceUnknown", ErrorCode::kUnavailable},
      {"org.freedesktop.DBus.Error.TimedOut", ErrorCode::kDeadlineExceeded},
      {"org.freedesktop.DBus.Error.Timeout", ErrorCode::kDeadlineExceeded},
  };
  ErrorCode code = ErrorCode::kInternal;
  if (name.starts_with("org.freedesktop.DBus.Error.Spawn")) code = ErrorCode::kUnavailable;
  for (const auto& [known, its_code] : kCodes)
    if (name == known) code = its_code;
  return make_error(code, message.empty() ? name : message + " (" + name + ")");
}

}  // namespace takt::sd
