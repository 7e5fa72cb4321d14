// SPDX-License-Identifier: Apache-2.0
#include "rpc/user_names.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "rpc/caller.h"

namespace takt::rpc {
namespace {

constexpr std::size_t kThreadsMax = 16;    // look-ups at once
constexpr std::size_t kEntriesMax = 1024;  // uids that are remembered

Error unavailable(uid_t uid, const std::string& why) {
  return make_error(ErrorCode::kUnavailable,
                    "the name of uid " + std::to_string(uid) + " is not known now: " + why);
}

Result<std::optional<std::string>> known(uid_t uid,
                                         const Result<std::optional<std::string>>& found) {
  if (!found.ok()) return unavailable(uid, found.error().message);
  return found;
}

}  // namespace

struct UserNames::Shared {
  struct Entry {
    std::optional<Result<std::optional<std::string>>> found;
    BootTime asked;  // when the last look-up began
    bool under_way = false;
  };

  Lookup lookup;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<uid_t, std::shared_ptr<Entry>> entries;
  std::size_t threads = 0;

  std::shared_ptr<Entry> entry(uid_t uid) {
    if (entries.size() >= kEntriesMax)
      std::erase_if(entries, [](const auto& item) { return !item.second->under_way; });
    std::shared_ptr<Entry>& found = entries[uid];
    if (!found) found = std::make_shared<Entry>();
    return found;
  }

  // With the lock. False: too many look-ups hang.
  static bool ask(const std::shared_ptr<Shared>& shared, uid_t uid,
                  const std::shared_ptr<Entry>& entry) {
    if (shared->threads >= kThreadsMax) return false;
    ++shared->threads;
    entry->under_way = true;
    entry->asked = BootClock::now();
    std::thread([shared, uid, entry] {
      auto found = shared->lookup(uid);
      const std::lock_guard lock(shared->mutex);
      entry->found = std::move(found);
      entry->under_way = false;
      --shared->threads;
      shared->changed.notify_all();
    }).detach();
    return true;
  }
};

UserNames::UserNames(Lookup lookup, nanoseconds age, nanoseconds wait)
    : age_(age), wait_(wait), shared_(std::make_shared<Shared>()) {
  shared_->lookup = std::move(lookup);
}

Result<std::optional<std::string>> UserNames::name_of(uid_t uid, nanoseconds wait) {
  std::unique_lock lock(shared_->mutex);
  const std::shared_ptr<Shared::Entry> entry = shared_->entry(uid);
  const nanoseconds since = BootClock::now() - entry->asked;
  const bool fresh = entry->found && since < age_;
  if (fresh && !entry->under_way) return known(uid, *entry->found);
  if (!entry->under_way && !Shared::ask(shared_, uid, entry))
    return unavailable(uid, "too many look-ups in the user database hang");
  const nanoseconds left = wait - (BootClock::now() - entry->asked);
  if (!shared_->changed.wait_for(lock, left, [&] { return !entry->under_way; }))
    return unavailable(uid, "the user database does not answer");
  return known(uid, *entry->found);
}

UserNames& UserNames::of_host() {
  // Never destroyed: calls may come until the process ends.
  static auto* const names = new UserNames(find_user_name);
  return *names;
}

}  // namespace takt::rpc
