// SPDX-License-Identifier: Apache-2.0
#include "worker/cgroup_launcher.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "attempt/folder.h"
#include "base/fs.h"
#include "base/log.h"
#include "worker/state_folder.h"

namespace takt::worker {
namespace {

constexpr const char* kDirectUnit = "takt-jobs-direct.service";
constexpr const char* kDirectUnitCgroup = "/takt.slice/takt-jobs.slice/takt-jobs-direct.service";

// "u1000"
std::string user_directory(uid_t uid) { return "u" + std::to_string(uid); }

std::optional<uid_t> user_of_directory(std::string_view name) {
  uid_t uid = 0;
  if (!name.starts_with('u')) return {};
  std::ignore = std::from_chars(name.data() + 1, name.data() + name.size(), uid);
  return user_directory(uid) == name ? std::optional(uid) : std::nullopt;
}

// What the cgroup has, its children get; a job that needs more is refused by its supervisor, by
// name. Nothing is enabled above the place: there it is systemd's, or the administrator's.
void give_controllers(const cgroup::Cgroup& group) {
  auto controllers = group.controllers();
  if (!controllers) return log_warning(controllers.error().message);
  for (const char* name : {"memory", "pids", "cpu", "io"}) {
    if (std::find(controllers->begin(), controllers->end(), name) == controllers->end()) continue;
    if (auto enabled = group.enable({name}); !enabled)
      log_warning("jobs of launcher cgroup have no " + std::string(name) +
                  " limits: " + enabled.error().message);
  }
}

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
  give_controllers(place_);
  return {};
}

// Where the place is, if it is there.
std::string CgroupLauncher::place_path() const {
  return manager_ != nullptr ? kDirectUnitCgroup : "/" + name_;
}

Result<cgroup::Cgroup> CgroupLauncher::find(const AttemptId& id) const {
  auto tree = cgroup::Tree::find();
  if (!tree) return tree.error();
  const auto place = cgroup::Cgroup::open(*tree, place_path());
  if (!place) return place.error();
  const std::string name = attempt::link_name(name_of(id));
  auto found = place->open_child(name);  // as earlier versions had it
  const auto users = list_directory(place->fd());
  if (!users) return users.error().in("cgroup " + place->path());
  for (auto user = users->begin(); !found && user != users->end(); ++user) {
    if (!user_of_directory(*user)) continue;
    const auto directory = place->open_child(*user);
    if (directory) found = directory->open_child(name);
  }
  return found;
}

void CgroupLauncher::sweep(const std::function<bool(const AttemptId&)>& in_use) {
  if (!place_ && !open_place(place_path())) return;
  sweep(place_, in_use);
  remove_idle_users();
}

void CgroupLauncher::sweep(const cgroup::Cgroup& parent,
                           const std::function<bool(const AttemptId&)>& in_use) {
  auto names = list_directory(parent.fd());
  if (!names) return log_warning("cgroup " + parent.path() + ": " + names.error().message);
  for (const std::string& name : *names) {
    if (const auto uid = user_of_directory(name)) {
      users_.found(*uid);
      if (const auto user = parent.open_child(name)) sweep(*user, in_use);
      continue;
    }
    auto parsed = attempt::parse_link_name(name);
    if (!parsed || in_use(id_of(*parsed))) continue;
    if (auto removed = parent.remove_child(name); !removed)
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
    give_controllers(place_);
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
  const uid_t uid = live.identity.uid;
  live.slice = user_directory(uid);
  users_.acquire(uid);
  const std::string name = attempt::link_name(name_of(live.record.id));
  with_place([this, uid, name, done = std::move(done)](Result<void> ready) mutable {
    if (!ready) return done(LaunchFailure{"cgroup", ready.error()});
    spawn_into(uid, name, std::move(done));
  });
}

// The user's directory; made where it is not there, as after a restart of the unit.
Result<cgroup::Cgroup> CgroupLauncher::open_user(uid_t uid) {
  const std::string name = user_directory(uid);
  if (auto user = place_.open_child(name)) return user;
  auto user = place_.make_child(name);
  if (user) give_controllers(*user);
  return user;
}

void CgroupLauncher::spawn_into(uid_t uid, const std::string& name, Done done) {
  const auto user = open_user(uid);
  auto base = user ? user->make_child(name) : Result<cgroup::Cgroup>(user.error());
  auto supervisor = base ? base->make_child(attempt::kSupervisorLeaf) : std::move(base);
  if (!supervisor) return done(LaunchFailure{"cgroup", supervisor.error()});
  auto opened = user->open_child(name);
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
  std::string place = cgroup::parent_path(live.base.path());
  const std::string name = place.substr(place.rfind('/') + 1);
  if (const auto uid = user_of_directory(name)) {
    live.slice = name;
    users_.acquire(*uid);
    place = cgroup::parent_path(place);
  }
  if (place_) return;
  if (auto opened = open_place(place); !opened)
    log_warning("the place of adopted jobs cannot be opened: " + opened.error().message +
                "; their empty cgroups will stay");
}

void CgroupLauncher::release(LiveAttempt& live) {
  if (!live.holds_launcher) return;
  live.holds_launcher = false;
  live.base = {};
  if (auto removed = remove_attempt(live); !removed) log_warning(removed.error().message);
  if (const auto uid = user_of_directory(live.slice)) users_.release(*uid);
  remove_idle_users();
}

Result<void> CgroupLauncher::remove_attempt(const LiveAttempt& live) const {
  if (!place_) return {};
  const std::string name = attempt::link_name(name_of(live.record.id));
  Result<void> removed;
  if (live.slice.empty()) {  // of an earlier version
    removed = place_.remove_child(name);
  } else {
    const auto user = place_.open_child(live.slice);
    if (user) removed = user->remove_child(name);
  }
  return removed ? removed : removed.error().in("cgroup " + name + " stays");
}

void CgroupLauncher::remove_idle_users() {
  while (const auto uid = users_.evict())
    if (auto removed = place_.remove_child(user_directory(*uid)); !removed)
      log_warning("cgroup " + user_directory(*uid) + " stays: " + removed.error().message);
}

}  // namespace takt::worker
