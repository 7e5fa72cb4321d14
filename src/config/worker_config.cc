// SPDX-License-Identifier: Apache-2.0
#include "config/worker_config.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <thread>

#include "config/files.h"
#include "config/text.h"
#include "config/values.h"

namespace takt::config {
namespace {

WorkerHost this_host() {
  char name[HOST_NAME_MAX + 1] = {};
  if (gethostname(name, sizeof name - 1) != 0) name[0] = '\0';
  return {.host_name = name,
          .processors = std::max<std::int64_t>(1, std::thread::hardware_concurrency()),
          .supervisor = TAKT_LIBEXECDIR "/takt-supervisor"};
}

// The name from the host; one that no job could ask for is refused here, not found out later.
Result<void> complete_name(WorkerConfig& config, const WorkerHost& host) {
  if (!config.name.empty()) return {};
  Result<std::string> name = parse_name(host.host_name, "worker.name");
  if (!name)
    return invalid("worker.name",
                   "not given, and the host's name " + in_quotes(host.host_name) +
                       " will not do; give it one of letters, digits, '.', '_' and '-'");
  config.name = *std::move(name);
  return {};
}

Result<void> complete_address(WorkerConfig& config) {
  if (!config.address.empty() || config.scheduler_address.empty()) return {};
  if (is_tcp(config.scheduler_address))
    return invalid("worker.address",
                   "not given, and the scheduler at " + config.scheduler_address +
                       " cannot reach this worker's unix socket; give HOST:PORT of this worker");
  const auto found = std::find_if_not(config.listen.begin(), config.listen.end(), is_tcp);
  config.address = found == config.listen.end() ? kDefaultWorkerListen : *found;
  return {};
}

}  // namespace

std::string_view to_string(Launcher launcher) {
  switch (launcher) {
    case Launcher::kAuto:
      return "auto";
    case Launcher::kScope:
      return "scope";
    case Launcher::kCgroup:
      return "cgroup";
  }
  return "unknown";
}

Result<void> complete(WorkerConfig& config, const WorkerHost& host) {
  std::vector<Error> errors;
  const auto note = [&errors](const Result<void>& result) {
    if (!result) errors.push_back(result.error());
  };
  note(complete_name(config, host));
  note(complete_address(config));
  note(complete_tls(config.tls, credentials_directory()));
  note(check_listen(config.listen, config.insecure || config.tls.given(), "worker.listen"));
  note(check_compat_listen(config.compat_listen, config.compat_insecure));
  if (!config.compat_listen.empty() && config.compat_scripts.empty())
    errors.push_back(invalid("compat.scripts",
                             "not given, and listen is; give the absolute path of the folder that "
                             "scripts are run from"));
  if (config.default_user == "root" && !config.allow_root)
    errors.push_back(
        invalid("jobs.default_user",
                "\"root\" needs allow_root = yes in [jobs]; better name another user"));
  if (config.supervisor.empty()) config.supervisor = host.supervisor;
  if (config.slots == 0) config.slots = std::max<std::int64_t>(16, 4 * host.processors);
  return joined(errors);
}

Result<WorkerConfig> load_worker_config(const LoadOptions& options) {
  WorkerConfig config;
  if (auto loaded = load_keys(worker_file(), options, assigner(worker_keys(), config)); !loaded)
    return loaded.error();
  if (auto completed = complete(config, this_host()); !completed) return completed.error();
  return config;
}

Result<Reloaded> reload_worker_config(const LoadOptions& options, WorkerConfig& config) {
  const auto news = load_worker_config(options);
  if (!news) return news.error();
  return take_reloadable(worker_keys(), config, *news);
}

}  // namespace takt::config
