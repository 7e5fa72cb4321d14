// SPDX-License-Identifier: Apache-2.0
#include "worker/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/fs.h"
#include "base/limits.h"

namespace takt::worker {
namespace {

constexpr const char* kLockFile = "lock";
constexpr const char* kWorkerIdFile = "worker-id";
// Jobs' users may pass through to their script, and see nothing on the way.
constexpr mode_t kFolderMode = 0711;
constexpr mode_t kSpecMode = 0600;
constexpr std::size_t kAcceptanceMaxBytes = 2 * limits::kSpecMaxBytes;

std::string job_folder(const AttemptId& id) { return id.job_id.str(); }

std::string attempt_folder(const AttemptId& id) {
  return id.job_id.str() + "/" + std::to_string(id.number);
}

Error not_here(const AttemptId& id) {
  return make_error(ErrorCode::kNotFound, "attempt " + std::to_string(id.number) + " of job " +
                                              id.job_id.str() + " is not on this worker");
}

Result<std::vector<AttemptId>> links_in(int folder) {
  auto names = list_directory(folder);
  if (!names) return names.error();
  std::vector<AttemptId> ids;
  for (const std::string& name : *names)
    if (auto parsed = attempt::parse_link_name(name)) ids.push_back(id_of(*parsed));
  return ids;
}

}  // namespace

attempt::AttemptName name_of(const AttemptId& id) {
  return {.job_id = id.job_id, .number = static_cast<std::uint32_t>(id.number)};
}

AttemptId id_of(const attempt::AttemptName& name) {
  return {.job_id = name.job_id, .number = static_cast<int>(name.number)};
}

Result<StateFolder> StateFolder::open(const std::string& path) {
  StateFolder state;
  state.path_ = path;
  if (auto made = make_directories(path, kFolderMode); !made) return made.error();
  auto root = open_directory(AT_FDCWD, path);
  if (!root) return root.error();
  state.root_ = std::move(*root);
  auto lock = open_at(state.root_.get(), kLockFile, O_RDWR | O_CREAT, 0600);
  if (!lock) return lock.error().in(path);
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
    return make_error(ErrorCode::kUnavailable,
                      path +
                          " is in use by another takt-worker; each needs a state folder of its "
                          "own ([worker] state_directory)");
  state.lock_ = std::move(*lock);
  const std::pair<const char*, UniqueFd*> folders[] = {{attempt::kJobsFolder, &state.jobs_},
                                                       {attempt::kActiveFolder, &state.active_},
                                                       {attempt::kDamagedFolder, &state.damaged_}};
  for (const auto& [name, into] : folders) {
    if (auto made = make_directory(state.root_.get(), name, kFolderMode); !made)
      return made.error().in(path);
    auto opened = open_directory(state.root_.get(), name);
    if (!opened) return opened.error();
    *into = std::move(*opened);
  }
  if (auto loaded = state.load_worker_id(); !loaded) return loaded.error().in(path);
  return state;
}

Result<void> StateFolder::load_worker_id() {
  auto text = read_file(root_.get(), kWorkerIdFile, 64);
  if (!text && text.error().error_number != ENOENT) return text.error();
  if (text) {
    while (!text->empty() && text->back() == '\n') text->pop_back();
    auto id = Uuid::parse(*text, path_ + "/" + kWorkerIdFile);
    if (!id) return id.error();
    worker_id_ = *id;
    return {};
  }
  worker_id_ = Uuid::random();
  // Durable before it gets its name: a torn one would keep the worker from ever starting again.
  const std::string temporary = std::string(kWorkerIdFile) + ".new";
  auto written = write_file(root_.get(), temporary, worker_id_.str() + "\n", 0644);
  if (written) written = sync_file(root_.get(), temporary);
  if (!written) return written;
  if (::renameat(root_.get(), temporary.c_str(), root_.get(), kWorkerIdFile) != 0)
    return system_error("rename " + temporary);
  auto synced = sync_directory(root_.get());
  // Else the next start would take it for durable.
  if (!synced) std::ignore = remove_file(root_.get(), kWorkerIdFile);
  return synced;
}

Result<UniqueFd> StateFolder::create_attempt(const AttemptId& id, const Acceptance& acceptance) {
  if (may_have_run(id))
    return make_error(ErrorCode::kExists, "there is a folder of attempt " + id.str() +
                                              " without an end; it was set aside");
  if (const auto holder = owner_of(id); holder && *holder != worker::owner_of(acceptance))
    return make_error(ErrorCode::kExists, "attempt " + id.str() + " is here already; it is " +
                                              holder->describe() + "'s");
  if (auto cleared = remove_tree(jobs_.get(), attempt_folder(id));
      !cleared && cleared.error().error_number != ENOENT)
    return cleared.error();
  auto made = make_attempt(id, acceptance);
  if (!made) std::ignore = discard_attempt(id);
  return made;
}

Result<UniqueFd> StateFolder::make_attempt(const AttemptId& id, const Acceptance& acceptance) {
  const std::string name = attempt_folder(id);
  // Twice: the history may just have let go of the job's folder with its last old attempt.
  for (int tries = 2;; --tries) {
    if (auto made = make_directory(jobs_.get(), job_folder(id), kFolderMode); !made)
      return made.error();
    if (::mkdirat(jobs_.get(), name.c_str(), kFolderMode) == 0) break;
    if (errno != ENOENT || tries == 1) return system_error("mkdir " + name);
  }
  auto folder = open_directory(jobs_.get(), name);
  if (!folder) return folder.error();
  auto written = write_file(folder->get(), attempt::kSpecFile, encode(acceptance), kSpecMode);
  if (!written) return written.error();
  if (auto linked = take_back(id); !linked) return linked.error();
  return std::move(*folder);
}

Result<UniqueFd> StateFolder::open_folder(const AttemptId& id) const {
  auto folder = open_directory(jobs_.get(), attempt_folder(id));
  if (folder || folder.error().error_number != ENOENT) return folder;
  return not_here(id);
}

Result<AttemptFolder> StateFolder::open_attempt(const AttemptKey& key) const {
  auto folder = open_folder(key.id);
  if (!folder) return folder.error();
  auto acceptance = read_acceptance(folder->get());
  if (!acceptance) return acceptance.error();
  if (worker::owner_of(*acceptance) != key.owner) return not_here(key.id);
  return AttemptFolder{std::move(*folder), std::move(*acceptance)};
}

Result<Owner> StateFolder::owner_of(const AttemptId& id) const {
  auto folder = open_folder(id);
  if (!folder) return folder.error();
  auto acceptance = read_acceptance(folder->get());
  if (!acceptance) return acceptance.error();
  return worker::owner_of(*acceptance);
}

std::string StateFolder::file_path(const AttemptId& id, const char* file) const {
  return path_ + "/" + attempt::folder_path(name_of(id)) + "/" + file;
}

Result<void> StateFolder::forget_active(const AttemptId& id) {
  return remove_file(active_.get(), attempt::link_name(name_of(id)));
}

bool StateFolder::may_have_run(const AttemptId& id) const {
  const auto has = [this, folder = attempt_folder(id)](const char* file) {
    return ::faccessat(jobs_.get(), (folder + "/" + file).c_str(), F_OK, 0) == 0;
  };
  return has(attempt::kSupervisorFile) || has(attempt::kStdoutFile);
}

Result<void> StateFolder::set_aside(const AttemptId& id) {
  const std::string link = attempt::link_name(name_of(id));
  if (::renameat(active_.get(), link.c_str(), damaged_.get(), link.c_str()) == 0) return {};
  return system_error("rename " + link);
}

Result<void> StateFolder::take_back(const AttemptId& id) {
  const std::string link = attempt::link_name(name_of(id));
  const std::string target = "../" + std::string(attempt::kJobsFolder) + "/" + attempt_folder(id);
  if (::symlinkat(target.c_str(), active_.get(), link.c_str()) != 0 && errno != EEXIST)
    return system_error("link " + link);
  return remove_file(damaged_.get(), link);
}

Result<void> StateFolder::set_file_aside(const AttemptId& id, const char* file) {
  const std::string from = attempt_folder(id) + "/" + file;
  const std::string to = from + attempt::kAsideSuffix;
  if (::renameat(jobs_.get(), from.c_str(), jobs_.get(), to.c_str()) == 0) return {};
  return system_error("rename " + from);
}

Result<void> StateFolder::replace_acceptance(const AttemptId& id, const Acceptance& acceptance) {
  if (auto aside = set_file_aside(id, attempt::kSpecFile);
      !aside && aside.error().error_number != ENOENT)
    return aside;
  return replace_file(jobs_.get(), attempt_folder(id) + "/" + attempt::kSpecFile,
                      encode(acceptance), kSpecMode);
}

Result<void> StateFolder::discard_attempt(const AttemptId& id) {
  // The link goes last: as long as it is there, a restart finds what is left.
  auto removed = remove_tree(jobs_.get(), attempt_folder(id));
  if (!removed) return removed;
  // The job's folder goes with its last attempt.
  std::ignore = ::unlinkat(jobs_.get(), job_folder(id).c_str(), AT_REMOVEDIR);
  return forget_active(id);
}

Result<std::vector<AttemptId>> StateFolder::active() const { return links_in(active_.get()); }

Result<std::vector<AttemptId>> StateFolder::damaged() const { return links_in(damaged_.get()); }

std::vector<int> StateFolder::attempts_of(const Uuid& job_id) const {
  std::vector<int> numbers;
  auto names = list_directory(jobs_.get(), job_id.str());
  if (!names) return numbers;
  for (const std::string& name : *names) {
    // By the canonical form: "01" is no attempt of ours.
    auto parsed = attempt::parse_link_name(job_id.str() + "." + name);
    if (parsed) numbers.push_back(id_of(*parsed).number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::vector<Uuid>> StateFolder::jobs(const std::optional<Uuid>& after,
                                            std::size_t most) const {
  auto names = list_directory(jobs_.get());
  if (!names) return names.error();
  std::vector<Uuid> ids;
  for (const std::string& name : *names) {
    auto id = Uuid::parse(name);
    // Only by its own text: a folder in upper case is not where that job is looked for.
    if (id && id->str() == name && (!after || *id > *after)) ids.push_back(*id);
  }
  const std::size_t count = std::min(most, ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end());
  ids.resize(count);
  return ids;
}

Result<void> StateFolder::sync_starts(const std::vector<AttemptId>& ids) const {
  for (const AttemptId& id : ids) {
    const std::string folder = attempt_folder(id);
    auto synced = sync_file(jobs_.get(), folder + "/" + attempt::kSpecFile);
    if (synced) synced = sync_directory(jobs_.get(), folder);
    if (synced) synced = sync_directory(jobs_.get(), job_folder(id));
    // Gone: the start was given up meanwhile, and is nobody's any more.
    if (!synced && synced.error().error_number != ENOENT) return synced;
  }
  if (auto synced = sync_directory(jobs_.get()); !synced) return synced;
  return sync_directory(active_.get());
}

Result<void> StateFolder::sync_ends(const std::vector<AttemptId>& ids) const {
  for (const AttemptId& id : ids) {
    const std::string folder = attempt_folder(id);
    auto synced = sync_file(jobs_.get(), folder + "/" + attempt::kExitFile);
    if (synced) synced = sync_directory(jobs_.get(), folder);
    if (!synced) return synced;
  }
  return {};
}

Result<Acceptance> read_acceptance(int folder) {
  auto record = read_file(folder, attempt::kSpecFile, kAcceptanceMaxBytes);
  if (!record) return record.error();
  return decode_acceptance(*record);
}

}  // namespace takt::worker
