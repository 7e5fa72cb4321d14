// SPDX-License-Identifier: Apache-2.0
// The files of the scheduler's door:
//   <folder>/<worker id>/worker          who the old worker is
//   <folder>/<worker id>/<job id>.<n>    an attempt that was given to it
//   <folder>/<8 of worker id>.sock       where our scheduler dials the worker that it stands for
// Guarantees: what was put is on disk when put() returns, and a reader sees the old or the new
// record whole; an attempt whose record is damaged is not forgotten. One thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "compat/records.h"

namespace takt::compat {

class Archive {
 public:
  struct Kept {
    OldWorkerRecord worker;
    std::vector<OldAttempt> attempts;
  };

  // Makes the folder if there is none. kInvalid if sockets could not have their paths there.
  static Result<Archive> open(const std::string& folder);

  // All that is kept. A start that was under way, or whose record is damaged, comes as ended with
  // WORKER_LOST: whether it ran is not known. A damaged worker is logged and left alone.
  [[nodiscard]] Result<std::vector<Kept>> load() const;

  Result<void> put(const OldWorkerRecord& worker);
  Result<void> put(const Uuid& worker, const OldAttempt& attempt);
  Result<void> remove(const Uuid& worker, const AttemptId& attempt);
  // The worker and all of its attempts.
  Result<void> remove(const Uuid& worker);

  // The worker's socket, "unix:/…".
  [[nodiscard]] std::string address(const Uuid& worker) const;

 private:
  Archive(std::string path, UniqueFd folder) : path_(std::move(path)), folder_(std::move(folder)) {}
  Result<void> write(const Uuid& worker, const std::string& name, const std::string& record);
  [[nodiscard]] Result<Kept> load_worker(const Uuid& id) const;

  std::string path_;
  UniqueFd folder_;
};

// The end of an attempt of which nothing is known but that it may have run.
void lose(OldAttempt& attempt, const std::string& why);

}  // namespace takt::compat
