// SPDX-License-Identifier: Apache-2.0
#include "worker/cgroup_launcher.h"

#include <fcntl.h>

#include <algorithm>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/log.h"
#include "worker/state_folder.h"

namespace takt::worker {
namespace {

constexpr const char* kDirectUnit = "takt-jobs-direct.service";

}  // namespace

CgroupLauncher::CgroupLauncher(sd::EventLoop& loop, Spawner& spawner, sd::SystemdManager* manager,
                               std::string name)
    : loop_(loop), spawner_(spawner), manager_(manager), name_(std::move(name)) {}

CgroupLauncher::~CgroupLauncher() {
  if (manager_ != nullptr || !place_) return;
  // Not empty: jobs run on, and the next worker finds them there.
  auto tree = cgroup::Tree::find();
  if (!tree) return;
  place_ = {};
  auto root = cgroup::Cgroup::open(*tree, "/");
  if (root) std::ignore = root->remove_child(name_);
}

Result<void> CgroupLauncher::open_place(const std::string& path) {
  auto tree = cgroup::Tree::find();
  if (!tree) return tree.error();
  auto place = cgroup::Cgroup::open(*tree, path);
  if (!place) return place.error();
  place_ = std::move(*place);
  give_controllers();
  return {};
}

// What the place has, its attempts get; a job that needs more is refused by its supervisor, by
// name. Nothing is enabled above the place: there it is systemd's, or the administrator's.
void CgroupLauncher::give_controllers() const {
  auto controllers = place_.controllers();
  if (!controllers) return log_warning(controllers.error().message);
  for (const char* name : {"memory", "pids", "cpu", "io"}) {
    if (std::find(controllers->begin(), controllers->end(), name) == controllers->end()) continue;
    if (auto enabled = place_.enable({name}); !enabled)
      log_warning("jobs of launcher cgroup have no " + std::string(name) +
                  " limits: " + enabled.error().message);
  }
}

// Where the place is, if it is there.
std::string CgroupLauncher::place_path() const {
  return manager_ != nullptr ? std::string(kJobsCgroup) + kDirectUnit : "/" + name_;
}

Result<cgroup::Cgroup> CgroupLauncher::find(const AttemptId& id) const {
  auto tree = cgroup::Tree::find();
  if (!tree) return tree.error();
  const auto place = cgroup::Cgroup::open(*tree, place_path());
  if (!place) return place.error();
  return place->open_child(attempt::link_name(name_of(id)));
}

void CgroupLauncher::sweep(const std::function<bool(const AttemptId&)>& in_use) {
  if (!place_ && !open_place(place_path())) return;
  auto names = list_directory(place_.fd());
  if (!names) return log_warning("cgroup " + place_.path() + ": " + names.error().message);
  for (const std::string& name : *names) {
    auto parsed = attempt::parse_link_name(name);
    if (!parsed || in_use(id_of(*parsed))) continue;
    if (auto removed = place_.remove_child(name); !removed)
      log_warning("cgroup " + name + " belongs to no attempt here: " + removed.error().message);
  }
}

// A descriptor outlives what it names. The holder is the first to go when the unit is stopped:
// what was started below it then would be told of no stop, and be killed late.
bool CgroupLauncher::place_usable() const {
  if (!place_) return false;
  if (manager_ == nullptr) return place_.read("cgroup.events").ok();
  const auto hold = place_.open_child(attempt::kHoldLeaf);
  const auto populated = hold ? hold->populated() : Result<bool>(hold.error());
  return populated && *populated;
}

void CgroupLauncher::with_place(Ready ready) {
  waiting_.push_back(std::move(ready));
  if (waiting_.size() > 1) return;
  if (place_usable()) {
    answer_ = loop_.add_timer(nanoseconds(0), [this] { answer_waiting({}); });
    return;
  }
  if (manager_ != nullptr) {
    manager_->start_unit(kDirectUnit, [this](Result<void> started) {
      if (!started) return answer_waiting(started.error().in(kDirectUnit));
      find_unit_cgroup();
    });
    return;
  }
  auto tree = cgroup::Tree::find();
  auto root = tree ? cgroup::Cgroup::open(*tree, "/") : Result<cgroup::Cgroup>(tree.error());
  auto place = root ? root->make_child(name_) : std::move(root);
  Result<void> made;
  if (place) {
    place_ = std::move(*place);
    give_controllers();
  } else {
    made = place.error();
  }
  answer_ = loop_.add_timer(nanoseconds(0), [this, made] { answer_waiting(made); });
}

void CgroupLauncher::find_unit_cgroup() {
  manager_->get_unit_control_group(kDirectUnit, [this](Result<std::string> path) {
    answer_waiting(path ? open_place(*path) : Result<void>(path.error()));
  });
}

void CgroupLauncher::answer_waiting(const Result<void>& result) {
  auto waiting = std::exchange(waiting_, {});
  for (Ready& ready : waiting) ready(result);
}

void CgroupLauncher::park(LiveAttempt& live, Done done) {
  live.holds_launcher = true;
  const std::string name = attempt::link_name(name_of(live.record.id));
  with_place([this, name, done = std::move(done)](Result<void> ready) mutable {
    if (!ready) return done(LaunchFailure{"cgroup", ready.error()});
    spawn_into(name, std::move(done));
  });
}

void CgroupLauncher::spawn_into(const std::string& name, Done done) {
  auto base = place_.make_child(name);
  auto supervisor = base ? base->make_child(attempt::kSupervisorLeaf) : std::move(base);
  if (!supervisor) return done(LaunchFailure{"cgroup", supervisor.error()});
  auto opened = place_.open_child(name);
  auto job = opened ? opened->make_child(attempt::kJobLeaf) : std::move(opened);
  if (!job) return done(LaunchFailure{"cgroup", job.error()});
  auto job_fd = std::make_shared<cgroup::Cgroup>(std::move(*job));
  UniqueFd into(::fcntl(supervisor->fd(), F_DUPFD_CLOEXEC, 0));
  spawner_.spawn(std::move(into), [job_fd, done = std::move(done)](Result<Parked> parked) {
    if (!parked) return done(LaunchFailure{"spawn", parked.error()});
    done(ParkedInPlace{.supervisor = std::move(*parked),
                       .how = attempt::Launcher::kCgroup,
                       .job_leaf = UniqueFd(::fcntl(job_fd->fd(), F_DUPFD_CLOEXEC, 0))});
  });
}

void CgroupLauncher::adopt(LiveAttempt& live) {
  live.holds_launcher = true;
  if (place_) return;
  if (auto opened = open_place(cgroup::parent_path(live.base.path())); !opened)
    log_warning("the place of adopted jobs cannot be opened: " + opened.error().message +
                "; their empty cgroups will stay");
}

void CgroupLauncher::release(LiveAttempt& live) {
  if (!live.holds_launcher) return;
  live.holds_launcher = false;
  live.base = {};
  if (!place_) return;
  const std::string name = attempt::link_name(name_of(live.record.id));
  if (auto removed = place_.remove_child(name); !removed)
    log_warning("cgroup " + name + " stays: " + removed.error().message);
}

}  // namespace takt::worker
