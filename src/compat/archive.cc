// SPDX-License-Identifier: Apache-2.0
#include "compat/archive.h"

#include <fcntl.h>
#include <stdio.h>

#include <charconv>
#include <optional>
#include <utility>

#include "base/fs.h"
#include "base/limits.h"
#include "base/log.h"
#include "rpc/address.h"

namespace takt::compat {
namespace {

constexpr const char* kWorkerFile = "worker";
constexpr const char* kTemporary = "new";
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kUuidBytes = 36;
constexpr std::size_t kSocketIdBytes = 8;

// "<job id>.<n>".
std::optional<AttemptId> attempt_of(const std::string& name) {
  if (name.size() <= kUuidBytes + 1 || name[kUuidBytes] != '.') return std::nullopt;
  const auto job = Uuid::parse(std::string_view(name).substr(0, kUuidBytes));
  AttemptId id;
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + kUuidBytes + 1, end, id.number);
  if (!job || read.ec != std::errc() || read.ptr != end || id.number < 1) return std::nullopt;
  id.job_id = *job;
  return id;
}

OldAttempt load_attempt(int folder, const std::string& name, const AttemptId& id) {
  auto text = read_file(folder, name, limits::kOldRecordMaxBytes);
  auto read = text ? decode_old_attempt(*text) : Result<OldAttempt>(text.error());
  if (read && read->id == id) {
    if (read->stage == OldStage::kIntent)
      lose(*read,
           "the scheduler ended while it asked the old worker to start the command; "
           "whether it ran is not known");
    return std::move(*read);
  }
  log_error("attempt " + id.str() + " of an old worker: its record cannot be read" +
            (read ? "" : ": " + read.error().message));
  OldAttempt damaged;
  damaged.id = id;
  lose(damaged, "the record of it cannot be read; whether the command ran is not known");
  return damaged;
}

}  // namespace

void lose(OldAttempt& attempt, const std::string& why) {
  attempt.stage = OldStage::kEnded;
  attempt.end = JobEnd{.cause = EndCause::kWorkerLost, .detail = why};
  attempt.end_time = wall_now();
}

Result<Archive> Archive::open(const std::string& folder) {
  if (auto made = make_directories(folder, kFolderMode); !made) return made.error();
  auto opened = open_directory(AT_FDCWD, folder);
  if (!opened) return opened.error();
  Archive archive(folder, std::move(*opened));
  if (auto fits = rpc::parse_address(archive.address(Uuid()), "scheduler.state_directory"); !fits)
    return fits.error();
  return archive;
}

std::string Archive::address(const Uuid& worker) const {
  return "unix:" + path_ + "/" + worker.str().substr(0, kSocketIdBytes) + ".sock";
}

Result<std::vector<Archive::Kept>> Archive::load() const {
  auto names = list_directory(folder_.get());
  if (!names) return names.error();
  std::vector<Kept> all;
  for (const std::string& name : *names) {
    const auto id = Uuid::parse(name);
    if (!id) continue;  // a socket that was left
    auto kept = load_worker(*id);
    if (kept) {
      all.push_back(std::move(*kept));
    } else {
      // One without a record was never told that it is known.
      log_error("an old worker is left alone, its record cannot be read: " + kept.error().message);
    }
  }
  return all;
}

Result<Archive::Kept> Archive::load_worker(const Uuid& id) const {
  const std::string name = id.str();
  auto folder = open_directory(folder_.get(), name);
  if (!folder) return folder.error();
  const std::string what = path_ + "/" + name;
  auto text = read_file(folder->get(), kWorkerFile, limits::kOldRecordMaxBytes);
  if (!text) return text.error().in(what);
  auto worker = decode_old_worker(*text);
  if (!worker) return worker.error().in(what + "/" + kWorkerFile);
  if (worker->id != id) return make_error(ErrorCode::kDataLoss, what + " holds another worker");
  auto names = list_directory(folder->get());
  if (!names) return names.error().in(what);
  Kept kept{.worker = std::move(*worker), .attempts = {}};
  for (const std::string& file : *names)
    if (const auto attempt = attempt_of(file))
      kept.attempts.push_back(load_attempt(folder->get(), file, *attempt));
  return kept;
}

Result<void> Archive::put(const OldWorkerRecord& worker) {
  const std::string name = worker.id.str();
  if (auto made = make_directory(folder_.get(), name, kFolderMode); !made) return made;
  if (auto written = write(worker.id, kWorkerFile, encode(worker)); !written) return written;
  return sync_directory(folder_.get());
}

Result<void> Archive::put(const Uuid& worker, const OldAttempt& attempt) {
  return write(worker, attempt.id.str(), encode(attempt));
}

// Durable before it gets its name: no crash leaves a torn record under it.
Result<void> Archive::write(const Uuid& worker, const std::string& name,
                            const std::string& record) {
  auto folder = open_directory(folder_.get(), worker.str());
  if (!folder) return folder.error();
  const int dir = folder->get();
  if (auto written = write_file(dir, kTemporary, record, kFileMode); !written) return written;
  if (auto synced = sync_file(dir, kTemporary); !synced) return synced;
  if (::renameat(dir, kTemporary, dir, name.c_str()) != 0) return system_error("rename " + name);
  return sync_directory(dir);
}

Result<void> Archive::remove(const Uuid& worker, const AttemptId& attempt) {
  auto folder = open_directory(folder_.get(), worker.str());
  if (!folder) return folder.error();
  return remove_file(folder->get(), attempt.str());
}

Result<void> Archive::remove(const Uuid& worker) {
  return remove_tree(folder_.get(), worker.str());
}

}  // namespace takt::compat
