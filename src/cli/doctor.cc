// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <utility>

#include "base/fs.h"
#include "base/units.h"
#include "base/version.h"
#include "cgroup/cgroup.h"
#include "cli/text.h"
#include "config/scheduler_config.h"
#include "config/worker_config.h"
#include "rpc/channel.h"
#include "rpc/convert.h"

namespace takt::cli {
namespace {

constexpr const char* kWorker = TAKT_SBINDIR "/takt-worker";
constexpr const char* kScheduler = TAKT_SBINDIR "/takt-scheduler";
constexpr const char* kBusSocket = "/run/dbus/system_bus_socket";
constexpr std::array kControllers = {"cpu", "io", "memory", "pids"};
constexpr int kKernelMajor = 5;  // 5.14: cgroup.kill
constexpr int kKernelMinor = 14;
constexpr seconds kClockDiffers(2);
constexpr seconds kClockWrong(60);
constexpr const char* kUpgrade = "upgrade the older one; nothing stops meanwhile";

Finding good(std::string what) { return {Verdict::kGood, std::move(what), ""}; }
Finding bad(std::string what, std::string remedy) {
  return {Verdict::kBad, std::move(what), std::move(remedy)};
}
Finding note(std::string what, std::string remedy) {
  return {Verdict::kNote, std::move(what), std::move(remedy)};
}

bool exists(const char* path) { return ::access(path, F_OK) == 0; }
bool booted_with_systemd() { return exists("/run/systemd/system"); }

template <class Config>
Finding check_file(const char* name, const Result<Config>& loaded) {
  const std::string path = std::string("/etc/takt/") + name;
  if (loaded) return good(path + " and its drop-ins have no mistake");
  return bad("the configuration has mistakes:\n" + loaded.error().message,
             "mend " + path + ", or the file named above");
}

Finding check_kernel() {
  utsname names{};
  std::ignore = ::uname(&names);
  const std::string_view release = names.release;  // "6.1.0-40-amd64"
  int major = 0;
  int minor = 0;
  const char* const end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ptr != end) std::from_chars(first.ptr + 1, end, minor);
  const std::string what = "Linux " + std::string(release);
  if (std::pair(major, minor) >= std::pair(kKernelMajor, kKernelMinor)) return good(what);
  return bad(what + " cannot kill a control group as a whole", "run Linux 5.14 or newer");
}

std::vector<std::string> missing_controllers(const std::string& there) {
  const std::string padded = " " + there.substr(0, there.find('\n')) + " ";
  std::vector<std::string> missing;
  for (const char* name : kControllers)
    if (padded.find(std::string(" ") + name + " ") == std::string::npos) missing.emplace_back(name);
  return missing;
}

Finding check_controllers(const std::vector<std::string>& missing) {
  if (missing.empty()) return good("the controllers cpu, io, memory and pids are there");
  return note("controllers are missing: " + joined(missing) +
                  "; jobs that ask for a limit that needs one are refused",
              "see which hierarchy has them: grep cgroup /proc/self/mountinfo; to have all in one, "
              "boot with systemd.unified_cgroup_hierarchy=1");
}

Findings check_cgroups(const Result<config::WorkerConfig>& config) {
  const auto tree = cgroup::Tree::find();
  if (!tree)
    return {bad("there is no unified control group hierarchy (cgroup2): no job can be run",
                "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line")};
  Findings found{good("control groups (cgroup2) at " + tree->mount_point())};
  const auto text = read_file(AT_FDCWD, tree->mount_point() + "/cgroup.controllers", 4096);
  if (!text) return found;
  const std::vector<std::string> missing = missing_controllers(*text);
  found.push_back(check_controllers(missing));
  if (!config) return found;
  const Findings limits = check_limits(*config, missing);
  found.insert(found.end(), limits.begin(), limits.end());
  return found;
}

bool answers(const char* path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string_view(path).copy(address.sun_path, sizeof address.sun_path - 1);
  return fd &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Finding check_systemd() {
  if (!booted_with_systemd())
    return note("systemd is not PID 1: jobs get control groups, but no scopes",
                "nothing, if that is what you want; the launcher is then cgroup");
  if (!answers(kBusSocket))
    return bad(std::string("the system bus does not answer at ") + kBusSocket +
                   ": no scope can be started",
               "sudo systemctl start dbus.socket (package dbus)");
  return good("systemd is PID 1, and the system bus answers");
}

Finding check_socket(const std::string& path, const std::string& who, const std::string& unit) {
  const auto probed = rpc::probe("unix:" + path, who);
  if (probed) return good(who + "'s socket " + path + " is served");
  if (probed.error().code == ErrorCode::kPermissionDenied)
    return note(who + "'s socket " + path + " is there, and not for you",
                "nothing, or ask as root");
  return bad(probed.error().message, "sudo systemctl enable --now " + unit);
}

}  // namespace

Findings check_configuration() {
  Findings found;
  if (exists(kScheduler))
    found.push_back(check_file("scheduler.conf", config::load_scheduler_config({})));
  if (exists(kWorker)) found.push_back(check_file("worker.conf", config::load_worker_config({})));
  return found;
}

Findings check_worker_host() {
  if (!exists(kWorker)) return {};
  const auto config = config::load_worker_config({});
  Findings found{check_kernel()};
  const Findings groups = check_cgroups(config);
  found.insert(found.end(), groups.begin(), groups.end());
  found.push_back(check_systemd());
  if (config)
    found.push_back(::access(config->supervisor.c_str(), X_OK) == 0
                        ? good(config->supervisor + " can be run")
                        : bad(config->supervisor + " cannot be run: no job can be started",
                              "install the package takt-worker again"));
  found.push_back(check_socket("/run/takt/worker.sock", "the worker", "takt-worker"));
  return found;
}

Findings check_limits(const config::WorkerConfig& config, const std::vector<std::string>& missing) {
  Findings found;
  const auto check = [&](const char* key, std::int64_t value, const char* controller) {
    if (value == 0 || std::find(missing.begin(), missing.end(), controller) == missing.end())
      return;
    found.push_back(bad(std::string(key) + " in worker.conf needs the controller " + controller +
                            ", which is missing: every job is refused",
                        std::string("take ") + key + " out, or bring the controller back"));
  };
  check("memory_max", config.memory_max_bytes, "memory");
  check("cpus_max", config.cpus_max_millicores, "cpu");
  check("tasks_max", config.tasks_max, "pids");
  return found;
}

Finding check_clock() {
  timex state{};
  if (::adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) == 0)
    return good("the clock is kept in step");
  return note("nobody keeps this host's clock in step: times of jobs may be wrong",
              "sudo timedatectl set-ntp true");
}

Findings check_scheduler(const v1::ListWorkersResponse& answer, WallTime asked, WallTime answered) {
  Findings found{good("the scheduler answers")};
  const std::string& its_version = answer.scheduler_version();
  if (!its_version.empty() && its_version != version())
    found.push_back(
        note("the scheduler is takt " + printable(its_version) + ", and this is " + version(),
             kUpgrade));
  if (!answer.has_scheduler_time()) return found;  // an older one
  // What lies between question and answer may be the way alone.
  const WallTime its = rpc::time_from_proto(answer.scheduler_time());
  const microseconds apart = its - std::clamp(its, asked, std::max(asked, answered));
  const microseconds size = apart < apart.zero() ? -apart : apart;
  if (size <= kClockDiffers) {
    found.push_back(good("this host's clock and the scheduler's agree"));
    return found;
  }
  found.push_back({size > kClockWrong ? Verdict::kBad : Verdict::kNote,
                   "this host's clock is " + format_duration(size) +
                       (apart > apart.zero() ? " behind" : " ahead of") +
                       " the scheduler's: times are told wrongly",
                   "on the host whose clock is wrong: sudo timedatectl set-ntp true"});
  return found;
}

Findings check_fleet(const std::vector<v1::Worker>& workers) {
  Findings found;
  std::size_t ready = 0;
  for (const v1::Worker& worker : workers) {
    const std::string name = "worker " + printable(worker.name());
    const bool away = worker.state() == v1::WORKER_STATE_AWAY;
    if (worker.state() == v1::WORKER_STATE_READY) {
      ++ready;
    } else {
      found.push_back(
          {away ? Verdict::kNote : Verdict::kBad, name + " is " + worker_state_text(worker.state()),
           away ? "start it there, if it is to come back: sudo systemctl start takt-worker"
                : "see why on the scheduler's host: journalctl -u takt-scheduler --grep '" + name +
                      "'"});
    }
    if (worker.version() != version() && !worker.version().empty())
      found.push_back(
          note(name + " is takt " + printable(worker.version()) + ", and this is " + version(),
               kUpgrade));
  }
  if (ready > 0) {
    found.insert(found.begin(), good(std::to_string(ready) +
                                     (ready == 1 ? " worker is ready" : " workers are ready")));
  } else {
    found.insert(found.begin(), bad("no worker is ready: jobs wait in the queue",
                                    "on a host that is to run jobs: sudo systemctl enable --now "
                                    "takt-worker"));
  }
  return found;
}

std::string findings_text(const Findings& findings, bool colour) {
  std::string text;
  for (const Finding& finding : findings) {
    const bool is_good = finding.verdict == Verdict::kGood;
    const bool is_bad = finding.verdict == Verdict::kBad;
    std::string word = is_good ? "ok    " : is_bad ? "FAILED" : "note  ";
    if (colour) word = (is_good ? "\x1b[32m" : is_bad ? "\x1b[31m" : "\x1b[33m") + word + "\x1b[0m";
    std::string what = finding.what;
    for (std::size_t at = 0; (at = what.find('\n', at)) != std::string::npos; at += 9)
      what.replace(at, 1, "\n        ");
    text += word + "  " + what + "\n";
    if (!finding.remedy.empty()) text += "        -> " + finding.remedy + "\n";
  }
  return text;
}

}  // namespace takt::cli
