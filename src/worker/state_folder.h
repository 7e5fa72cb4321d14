// SPDX-License-Identifier: Apache-2.0
// The worker's files: /var/lib/takt. Guarantees: one process uses the folder at a time; an attempt
// is found by its link in active/ until its end is acknowledged, so that a restart reads these
// only, however long the history is; an attempt whose records cannot be read is kept in damaged/
// instead. Nothing here is synced but where it says so.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attempt/folder.h"
#include "attempt/records.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/uuid.h"
#include "job/job.h"
#include "worker/acceptance.h"

namespace takt::worker {

attempt::AttemptName name_of(const AttemptId& id);
AttemptId id_of(const attempt::AttemptName& name);

// An attempt in the history: one without a link in active/.
struct StoredAttempt {
  AttemptId id;
  bool ended = false;  // else it was set aside, or is being made right now
  WallTime time;       // of its end, else of its folder's last change
  std::uint64_t bytes = 0;
};

// An attempt's folder, open, and what its `spec` says.
struct AttemptFolder {
  UniqueFd fd;
  Acceptance acceptance;
};

class StateFolder {
 public:
  // Makes what is missing, takes the lock (kFailedPrecondition if another worker has it), reads or
  // makes the worker's id, which is durable before this returns.
  static Result<StateFolder> open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Uuid& worker_id() const { return worker_id_; }

  // Makes the attempt's folder with `spec`, and the link; nothing is left of what fails. What is
  // left of this owner's start that never ran (no `supervisor`), or of one whose `spec` cannot be
  // read, is replaced; any other folder is kExists.
  Result<UniqueFd> create_attempt(const AttemptId& id, const Acceptance& acceptance);

  // Whether the attempt got so far that its supervisor was told to go.
  [[nodiscard]] bool may_have_run(const AttemptId& id) const;

  // The folder of an attempt and what its `spec` says. kNotFound if there is none, or if it is
  // another owner's.
  [[nodiscard]] Result<AttemptFolder> open_attempt(const AttemptKey& key) const;

  // Whose the attempt is. kNotFound if there is none, kDataLoss if its `spec` cannot be read.
  [[nodiscard]] Result<Owner> owner_of(const AttemptId& id) const;

  // The folder of an attempt of any owner: for those who hold the attempt's link, and for those who
  // find out who may see it.
  [[nodiscard]] Result<UniqueFd> open_folder(const AttemptId& id) const;

  // Absolute path of a file of the attempt, for display and for scripts.
  [[nodiscard]] std::string file_path(const AttemptId& id, const char* file) const;

  // Takes the link out: the end is acknowledged, or owed to nobody.
  Result<void> forget_active(const AttemptId& id);

  // Moves the attempt's link to damaged/. What is there is in nobody's way.
  Result<void> set_aside(const AttemptId& id);
  // Gives the attempt its link in active/, whether it had one before or not.
  Result<void> take_back(const AttemptId& id);

  // Moves the attempt's FILE to FILE.damaged, out of the way of a new one.
  Result<void> set_file_aside(const AttemptId& id, const char* file);

  // Writes `spec` again, from a start that was sent again; the old one is set aside.
  Result<void> replace_acceptance(const AttemptId& id, const Acceptance& acceptance);

  // Removes folder and link of an attempt that never ran.
  Result<void> discard_attempt(const AttemptId& id);

  // Attempts with a link, in no order; what is no link of ours is left out.
  [[nodiscard]] Result<std::vector<AttemptId>> active() const;

  // The same of those that were set aside.
  [[nodiscard]] Result<std::vector<AttemptId>> damaged() const;

  // The attempts of a job, by number, of all owners.
  [[nodiscard]] std::vector<int> attempts_of(const Uuid& job_id) const;

  // Jobs whose id comes after `after`, by id, at most `most`.
  [[nodiscard]] Result<std::vector<Uuid>> jobs(const std::optional<Uuid>& after,
                                               std::size_t most) const;

  // All of the history, or what was found of it until `stop` was set. Thread-safe; takes long.
  [[nodiscard]] Result<std::vector<StoredAttempt>> stored(const std::atomic<bool>& stop) const;

  // Removes an attempt of the history; one that has a link is left alone. Thread-safe; blocks.
  [[nodiscard]] Result<void> remove_stored(const AttemptId& id) const;

  // Makes what create_attempt did for these durable. Thread-safe; blocks.
  [[nodiscard]] Result<void> sync_starts(const std::vector<AttemptId>& ids) const;

  // Makes the ends of these durable: `exit` and the folders. Thread-safe; blocks.
  [[nodiscard]] Result<void> sync_ends(const std::vector<AttemptId>& ids) const;

 private:
  StateFolder() = default;
  Result<void> load_worker_id();
  Result<UniqueFd> make_attempt(const AttemptId& id, const Acceptance& acceptance);

  std::string path_;
  UniqueFd root_;
  UniqueFd jobs_;
  UniqueFd active_;
  UniqueFd damaged_;
  UniqueFd lock_;
  Uuid worker_id_;
};

Result<Acceptance> read_acceptance(int folder);

}  // namespace takt::worker
