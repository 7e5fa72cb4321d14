// SPDX-License-Identifier: Apache-2.0
#include "unit/sd/fake_systemd.h"

#include <errno.h>
#include <systemd/sd-bus.h>

#include <cstdlib>
#include <utility>

#include "sd/unit_jobs.h"

namespace takt::sd {
namespace {

constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kUnits = "/org/freedesktop/systemd1/unit";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

std::string job_path(std::uint32_t job) {
  return job == 0 ? "/" : std::string(kPath) + "/job/" + std::to_string(job);
}

// A message's arguments as one line of text, with their types.
std::string dump(sd_bus_message* message) {
  std::string text;
  char type = 0;
  const char* contents = nullptr;
  while (sd_bus_message_peek_type(message, &type, &contents) > 0) {
    if (!text.empty()) text += ' ';
    if (type == 'a' || type == '(' || type == 'r' || type == 'v') {
      const char open = type == '(' ? 'r' : type;
      sd_bus_message_enter_container(message, open, contents);
      text += type == 'a' ? "[" : type == 'v' ? "<" + std::string(contents) + " " : "(";
      text += dump(message);
      text += type == 'a' ? "]" : type == 'v' ? ">" : ")";
      sd_bus_message_exit_container(message);
      continue;
    }
    union {
      const char* s;
      std::uint32_t u;
      std::int32_t i;
      std::uint64_t t;
    } value{};
    sd_bus_message_read_basic(message, type, &value);
    if (type == 's' || type == 'o') text += value.s;
    if (type == 'u') text += std::to_string(value.u);
    if (type == 'i' || type == 'b') text += std::to_string(value.i);
    if (type == 't') text += std::to_string(value.t);
  }
  return text;
}

}  // namespace

struct FakeSystemd::Handlers {
  static int call(sd_bus_message* m, void* self, sd_bus_error*) {
    static_cast<FakeSystemd*>(self)->serve(m, sd_bus_message_get_member(m));
    return 1;
  }
  static int system_state(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply,
                          void* self, sd_bus_error*) {
    const Script& script = static_cast<FakeSystemd*>(self)->script_;
    return sd_bus_message_append(reply, "s", script.system_state.c_str());
  }
  static int unit_property(sd_bus*, const char* path, const char*, const char* property,
                           sd_bus_message* reply, void* self, sd_bus_error*) {
    char* name = nullptr;
    if (sd_bus_path_decode(path, kUnits, &name) <= 0) return -ENOENT;
    auto& units = static_cast<FakeSystemd*>(self)->units_;
    const auto place = units.find(name);
    std::free(name);
    // Like systemd, it makes a stub of a unit that it does not know.
    const Unit unit = place == units.end() ? Unit() : place->second;
    const std::string what = property;
    if (what == "Job")
      return sd_bus_message_append(reply, "(uo)", unit.job, job_path(unit.job).c_str());
    if (what == "ActiveState") return sd_bus_message_append(reply, "s", unit.state.c_str());
    if (what == "Slice") return sd_bus_message_append(reply, "s", unit.slice.c_str());
    return sd_bus_message_append(reply, "s", unit.control_group.c_str());
  }
  static const sd_bus_vtable kManagerTable[];
  static const sd_bus_vtable kUnitTable[];
  static const sd_bus_vtable kScopeTable[];
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"  // the macros use designated initializers of unions
const sd_bus_vtable FakeSystemd::Handlers::kManagerTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Subscribe", "", "", call, 0),
    SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", call, 0),
    SD_BUS_METHOD("StartUnit", "ss", "o", call, 0),
    SD_BUS_METHOD("StopUnit", "ss", "o", call, 0),
    SD_BUS_METHOD("ListUnitsByPatterns", "asas", "a(ssssssouso)", call, 0),
    SD_BUS_PROPERTY("SystemState", "s", system_state, 0, 0),
    SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
    SD_BUS_VTABLE_END};
const sd_bus_vtable FakeSystemd::Handlers::kUnitTable[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("Job", "(uo)", unit_property, 0, 0),
    SD_BUS_PROPERTY("ActiveState", "s", unit_property, 0, 0), SD_BUS_VTABLE_END};
const sd_bus_vtable FakeSystemd::Handlers::kScopeTable[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("Slice", "s", unit_property, 0, 0),
    SD_BUS_PROPERTY("ControlGroup", "s", unit_property, 0, 0), SD_BUS_VTABLE_END};
#pragma GCC diagnostic pop

FakeSystemd::FakeSystemd(LoopThread& thread, const std::string& address)
    : thread_(thread), address_(address) {
  join();
}

FakeSystemd::~FakeSystemd() { leave(); }

void FakeSystemd::join() {
  thread_.run([this] {
    int r = sd_bus_new(&bus_);
    if (r >= 0) r = sd_bus_set_address(bus_, address_.c_str());
    if (r >= 0) r = sd_bus_set_bus_client(bus_, 1);
    if (r >= 0) r = sd_bus_start(bus_);
    if (r >= 0)
      r = sd_bus_add_object_vtable(bus_, nullptr, kPath, kManager, Handlers::kManagerTable, this);
    const auto add = [&](const char* interface, const sd_bus_vtable* table) {
      if (r >= 0)
        r = sd_bus_add_fallback_vtable(bus_, nullptr, kUnits, interface, table, nullptr, this);
    };
    add("org.freedesktop.systemd1.Unit", Handlers::kUnitTable);
    add("org.freedesktop.systemd1.Scope", Handlers::kScopeTable);
    add("org.freedesktop.systemd1.Service", Handlers::kScopeTable);
    if (r >= 0) r = sd_bus_request_name(bus_, kSystemdName, 0);
    if (r >= 0) r = sd_bus_attach_event(bus_, thread_.loop().handle(), 0);
    TAKT_CHECK(r >= 0, "the fake systemd cannot join the bus: %d", -r);
  });
}

void FakeSystemd::leave() {
  thread_.run([this] {
    for (const auto& [message, method] : std::exchange(held_, {})) sd_bus_message_unref(message);
    if (bus_ == nullptr) return;
    sd_bus_detach_event(bus_);
    sd_bus_flush_close_unref(std::exchange(bus_, nullptr));
  });
}

void FakeSystemd::script(const Script& script) {
  thread_.run([&] { script_ = script; });
}

void FakeSystemd::put_unit(const std::string& name, const Unit& unit) {
  thread_.run([&] { units_[name] = unit; });
}

std::string FakeSystemd::unit_state(const std::string& name) {
  std::string state;
  thread_.run([&] { state = units_[name].state; });
  return state;
}

void FakeSystemd::end_job(const std::string& unit, const std::string& result) {
  thread_.run([&] { finish_job(unit, result); });
}

void FakeSystemd::end_job_silently(const std::string& unit, const std::string& state) {
  thread_.run([&] {
    units_[unit].state = state;
    units_[unit].job = 0;
  });
}

bool FakeSystemd::wait_calls(const std::string& method, std::size_t count) {
  return thread_.wait([&] { return calls_[method] >= count; });
}

std::size_t FakeSystemd::calls(const std::string& method) {
  std::size_t count = 0;
  thread_.run([&] { count = calls_[method]; });
  return count;
}

std::size_t FakeSystemd::held() {
  std::size_t count = 0;
  thread_.run([&] { count = held_.size(); });
  return count;
}

void FakeSystemd::release_held() {
  thread_.run([this] {
    for (const auto& [message, method] : std::exchange(held_, {})) {
      act(message, method);
      sd_bus_message_unref(message);
    }
  });
}

std::string FakeSystemd::last_arguments(const std::string& method) {
  std::string text;
  thread_.run([&] { text = arguments_[method]; });
  return text;
}

std::string FakeSystemd::client() {
  std::string name;
  thread_.run([&] { name = client_; });
  return name;
}

void FakeSystemd::serve(sd_bus_message* message, const std::string& method) {
  ++calls_[method];
  client_ = sd_bus_message_get_sender(message);
  arguments_[method] = dump(message);
  sd_bus_message_rewind(message, 1);
  if (method == "Subscribe") {
    sd_bus_reply_method_return(message, "");
  } else if (method == "ListUnitsByPatterns") {
    list_units(message);
  } else if (script_.hold) {
    held_.emplace_back(sd_bus_message_ref(message), method);
  } else {
    act(message, method);
  }
}

void FakeSystemd::act(sd_bus_message* message, const std::string& method) {
  if (!script_.error.empty()) {
    sd_bus_reply_method_errorf(message, script_.error.c_str(), "as the test wants it");
    return;
  }
  const char* unit = nullptr;
  sd_bus_message_read(message, "s", &unit);
  const std::uint32_t job = queue_job(unit, method);
  if (script_.ending == Ending::kBeforeReply) finish_job(unit, script_.result);
  if (script_.effect_without_reply)
    held_.emplace_back(sd_bus_message_ref(message), method);
  else
    sd_bus_reply_method_return(message, "o", job_path(job).c_str());
  if (script_.ending == Ending::kAfterReply) finish_job(unit, script_.result);
}

std::uint32_t FakeSystemd::queue_job(const std::string& unit, const std::string& method) {
  const std::uint32_t job = next_job_++;
  units_[unit].job = job;
  goals_[unit] = method == "StopUnit" ? "inactive" : "active";
  return job;
}

void FakeSystemd::finish_job(const std::string& unit, const std::string& result) {
  const std::uint32_t job = std::exchange(units_[unit].job, 0U);
  if (result == "done") units_[unit].state = goals_[unit];
  sd_bus_emit_signal(bus_, kPath, kManager, "JobRemoved", "uoss", job, job_path(job).c_str(),
                     unit.c_str(), result.c_str());
}

void FakeSystemd::list_units(sd_bus_message* message) {
  sd_bus_message* reply = nullptr;
  sd_bus_message_new_method_return(message, &reply);
  sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
  for (const auto& [name, unit] : units_) {
    if (!name.starts_with("takt-job-") || unit.state == "inactive") continue;
    sd_bus_message_append(reply, "(ssssssouso)", name.c_str(), "", "loaded", unit.state.c_str(),
                          "running", "", unit_path(name).c_str(), 0, "", "/");
  }
  sd_bus_message_close_container(reply);
  sd_bus_send(nullptr, reply, nullptr);
  sd_bus_message_unref(reply);
}

}  // namespace takt::sd
