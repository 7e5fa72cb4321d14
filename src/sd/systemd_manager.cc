// SPDX-License-Identifier: Apache-2.0
#include "sd/systemd_manager.h"

#include <fcntl.h>
#include <systemd/sd-bus.h>

#include <utility>

#include "base/process.h"
#include "base/unique_fd.h"
#include "sd/scope_properties.h"
#include "sd/system_state.h"
#include "sd/unit_jobs.h"

namespace takt::sd {
namespace {

constexpr std::size_t kSliceQuestions = 32;  // in flight at a time, so that starts get through

// "org.freedesktop.systemd1.Scope" for "….scope".
std::string interface_of(const std::string& unit) {
  std::string type = unit.substr(unit.rfind('.') + 1);
  if (!type.empty() && type[0] >= 'a' && type[0] <= 'z')
    type[0] = static_cast<char>(type[0] - 'a' + 'A');
  return std::string(kSystemdName) + "." + type;
}

Error ended(const ScopeRequest& request) {
  return make_error(ErrorCode::kNotFound, "process " + std::to_string(request.pid) + " for " +
                                              request.unit + " has ended");
}

Error bad_answer(int r) { return system_error("reading systemd's answer", -r); }

}  // namespace

// A listing that is under way.
struct ScopeList {
  std::vector<LiveScope> scopes;
  std::vector<std::string> paths;  // of scopes
  std::size_t asked = 0;
  std::size_t answered = 0;
  SystemdManager::OnScopes done;  // empty once called
};

SystemdManager::SystemdManager(Bus& bus, EventLoop& loop)
    : bus_(bus), jobs_(UnitJobs::create(bus, loop)) {}

SystemdManager::~SystemdManager() = default;

std::size_t SystemdManager::pending() const { return jobs_->pending(); }

// Wraps a function of the bus, which outlives us.
template <class F>
auto SystemdManager::guarded(F fn) {
  return [weak = std::weak_ptr<UnitJobs>(jobs_), fn = std::move(fn)](auto&&... args) {
    if (const auto alive = weak.lock()) fn(std::forward<decltype(args)>(args)...);
  };
}

void SystemdManager::start_scope(const ScopeRequest& request, OnDone done) {
  std::shared_ptr<UniqueFd> pidfd;
  if (request.pidfd >= 0) {
    pidfd = std::make_shared<UniqueFd>(::fcntl(request.pidfd, F_DUPFD_CLOEXEC, 3));
    if (!*pidfd) return jobs_->fail_later(std::move(done), system_error("copying a pidfd"));
    if (pidfd_ended(pidfd->get())) {
      return jobs_->fail_later(std::move(done), ended(request));
    }
  }
  UnitJobs::Request job;
  job.goal = UnitJobs::Goal::kUp;
  job.unit = request.unit;
  job.method = "StartTransientUnit";
  job.fill = [request](sd_bus_message* message) { return append_scope_request(message, request); };
  job.patience = limits::kScopeStart;
  job.done = [this, request, pidfd, done = tell_shutdown(std::move(done))](Result<void> result) {
    // systemd takes a zombie, and its scope would stay for ever.
    if (result && pidfd != nullptr && pidfd_ended(pidfd->get())) {
      stop_unit(request.unit, limits::kScopeStart, [](const Result<void>&) {});
      result = ended(request);
    }
    done(std::move(result));
  };
  jobs_->run(std::move(job));
}

void SystemdManager::stop_unit(const std::string& unit, nanoseconds patience, OnDone done) {
  jobs_->run({.goal = UnitJobs::Goal::kGone,
              .unit = unit,
              .method = "StopUnit",
              .fill =
                  [unit](sd_bus_message* m) {
                    return sd_bus_message_append(m, "ss", unit.c_str(), "replace");
                  },
              .patience = patience,
              .done = std::move(done)});
}

void SystemdManager::start_unit(const std::string& unit, OnDone done) {
  jobs_->run({.goal = UnitJobs::Goal::kUp,
              .unit = unit,
              .method = "StartUnit",
              .fill =
                  [unit](sd_bus_message* m) {
                    return sd_bus_message_append(m, "ss", unit.c_str(), "replace");
                  },
              .patience = limits::kScopeStart,
              .done = tell_shutdown(std::move(done))});
}

// What systemd does not start on the way down it refuses, or cancels, for any of several reasons.
SystemdManager::OnDone SystemdManager::tell_shutdown(OnDone done) {
  return [this, done = std::move(done)](Result<void> result) {
    const bool refused = !result && (result.error().code == ErrorCode::kFailedPrecondition ||
                                     result.error().code == ErrorCode::kCancelled);
    if (!refused) return done(std::move(result));
    get_system_state([done, error = result.error()](const Result<std::string>& state) {
      if (!state || *state != kSystemStopping) return done(error);
      done(make_error(ErrorCode::kUnavailable, "the host goes down: " + error.message));
    });
  };
}

void SystemdManager::get_text(const std::string& path, const std::string& interface,
                              const char* property, OnText done) {
  bus_.call(
      {kSystemdName, path, "org.freedesktop.DBus.Properties", "Get"}, limits::kBusCall,
      [interface, property](sd_bus_message* m) {
        return sd_bus_message_append(m, "ss", interface.c_str(), property);
      },
      guarded([done = std::move(done)](Result<sd_bus_message*> reply) {
        if (!reply) return done(reply.error());
        const char* text = nullptr;
        const int r = sd_bus_message_read(*reply, "v", "s", &text);
        if (r < 0) return done(bad_answer(r));
        done(std::string(text));
      }));
}

void SystemdManager::get_unit_control_group(const std::string& unit, OnText done) {
  get_text(unit_path(unit), interface_of(unit), "ControlGroup",
           [unit, done = std::move(done)](Result<std::string> path) {
             if (path && path->empty())
               return done(make_error(ErrorCode::kNotFound, unit + " has no cgroup now"));
             done(std::move(path));
           });
}

void SystemdManager::get_system_state(OnText done) {
  get_text(kSystemdPath, kSystemdManager, "SystemState", std::move(done));
}

void SystemdManager::list_job_scopes(OnScopes done) {
  const auto fill = [](sd_bus_message* m) {
    return sd_bus_message_append(m, "asas", 3, "active", "activating", "deactivating", 1,
                                 "takt-job-*.scope");
  };
  const auto list = std::make_shared<ScopeList>();
  list->done = std::move(done);
  bus_.call(manager_method("ListUnitsByPatterns"), limits::kBusCall, fill,
            guarded([this, list](Result<sd_bus_message*> reply) {
              if (!reply) return list->done(reply.error());
              int r = sd_bus_message_enter_container(*reply, 'a', "(ssssssouso)");
              const char* unit = nullptr;
              const char* path = nullptr;
              while (r >= 0 && (r = sd_bus_message_read(*reply, "(ssssssouso)", &unit, nullptr,
                                                        nullptr, nullptr, nullptr, nullptr, &path,
                                                        nullptr, nullptr, nullptr)) > 0) {
                list->scopes.push_back({unit, ""});
                list->paths.emplace_back(path);
              }
              if (r < 0) return list->done(bad_answer(r));
              list_slices(list);
            }));
}

void SystemdManager::list_slices(const std::shared_ptr<ScopeList>& list) {
  if (!list->done) return;
  if (list->answered == list->paths.size()) {
    // No slice: it ended while we asked.
    std::erase_if(list->scopes, [](const LiveScope& scope) { return scope.slice.empty(); });
    return std::exchange(list->done, nullptr)(std::move(list->scopes));
  }
  while (list->asked < list->paths.size() && list->asked - list->answered < kSliceQuestions) {
    const std::size_t index = list->asked++;
    get_text(list->paths[index], std::string(kSystemdName) + ".Scope", "Slice",
             [this, list, index](Result<std::string> slice) {
               if (!list->done) return;
               ++list->answered;
               if (slice)
                 list->scopes[index].slice = std::move(*slice);
               else if (slice.error().code == ErrorCode::kUnavailable ||
                        slice.error().code == ErrorCode::kDeadlineExceeded)
                 return std::exchange(list->done, nullptr)(slice.error());
               list_slices(list);
             });
  }
}

}  // namespace takt::sd
