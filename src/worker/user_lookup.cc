// SPDX-License-Identifier: Apache-2.0
#include "worker/user_lookup.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/limits.h"
#include "base/utf8.h"

namespace takt::worker {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kEntryMaxBytes = 1024 * 1024;

Error no_such(const std::string& kind, const std::string& name) {
  Error error =
      make_error(ErrorCode::kNotFound, "there is no " + kind + " \"" + name + "\" on this worker");
  error.field = "spec." + kind;
  return error;
}

// Calls a get…_r function with a buffer that grows as it asks; nullptr is "no such entry".
template <class Entry, class Call>
Result<Entry*> with_buffer(Entry& entry, std::vector<char>& buffer, const std::string& what,
                           Call call) {
  buffer.resize(4096);
  for (;;) {
    Entry* found = nullptr;
    const int error = call(&entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE && buffer.size() < kEntryMaxBytes) {
      buffer.resize(buffer.size() * 2);
      continue;
    }
    if (error != 0 && error != ENOENT && error != ESRCH) return system_error(what, error);
    return found;
  }
}

Result<std::vector<gid_t>> groups_of(const std::string& name, gid_t gid) {
  int count = 64;
  for (;;) {
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (::getgrouplist(name.c_str(), gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      return groups;
    }
    if (static_cast<std::size_t>(count) <= groups.size())
      return make_error(ErrorCode::kInternal, "the groups of " + name + " cannot be read");
  }
}

}  // namespace

Result<UserIdentity> look_up_user(const std::string& user, const std::string& group) {
  passwd entry{};
  std::vector<char> buffer;
  auto found = with_buffer(entry, buffer, "look up user " + user,
                           [&](auto... rest) { return ::getpwnam_r(user.c_str(), rest...); });
  if (!found) return found.error();
  if (*found == nullptr) return no_such("user", user);
  UserIdentity identity{.name = clean_text(entry.pw_name),
                        .uid = entry.pw_uid,
                        .gid = entry.pw_gid,
                        .groups = {},
                        .home = entry.pw_dir,
                        .shell = entry.pw_shell};
  auto groups = groups_of(entry.pw_name, identity.gid);
  if (!groups) return groups.error();
  identity.groups = std::move(*groups);
  if (group.empty()) return identity;

  ::group group_entry{};
  auto found_group = with_buffer(group_entry, buffer, "look up group " + group, [&](auto... rest) {
    return ::getgrnam_r(group.c_str(), rest...);
  });
  if (!found_group) return found_group.error();
  if (*found_group == nullptr) return no_such("group", group);
  const gid_t wanted = group_entry.gr_gid;
  bool member = identity.uid == 0;
  for (const gid_t own : identity.groups) member = member || own == wanted;
  if (!member) {
    Error error = make_error(ErrorCode::kPermissionDenied,
                             "user " + identity.name + " is not a member of group " + group);
    error.field = "spec.group";
    return error;
  }
  identity.gid = wanted;
  return identity;
}

// Loop thread only.
struct UserLookup::Waiting {
  Done done;
  sd::Source timeout;
};

// Outlives the UserLookup as long as a hung thread does.
struct UserLookup::Shared {
  struct Query {
    std::string user;
    std::string group;
    std::weak_ptr<Waiting> waiting;  // gone once it is answered
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Query> queue;
  UserLookup* lookup = nullptr;  // null once it is gone
  std::size_t threads = 0;
  std::size_t idle = 0;

  static void work(const std::shared_ptr<Shared>& shared) {
    std::unique_lock lock(shared->mutex);
    for (;;) {
      ++shared->idle;
      shared->changed.wait(lock,
                           [&] { return shared->lookup == nullptr || !shared->queue.empty(); });
      --shared->idle;
      if (shared->lookup == nullptr) return;
      const Query query = std::move(shared->queue.front());
      shared->queue.pop_front();
      lock.unlock();
      auto result = look_up_user(query.user, query.group);
      lock.lock();
      if (shared->lookup == nullptr) return;
      // Who waits is there only as long as the UserLookup is.
      std::ignore = shared->lookup->loop_.post(
          [lookup = shared->lookup, weak = query.waiting, result = std::move(result)]() mutable {
            if (const auto waiting = weak.lock()) lookup->answer(waiting, std::move(result));
          });
    }
  }
};

UserLookup::UserLookup(sd::EventLoop& loop) : loop_(loop), shared_(std::make_shared<Shared>()) {
  shared_->lookup = this;
}

UserLookup::~UserLookup() {
  const std::lock_guard lock(shared_->mutex);
  shared_->lookup = nullptr;
  shared_->queue.clear();
  shared_->changed.notify_all();
}

void UserLookup::find(const std::string& user, const std::string& group, Done done) {
  auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  waiting->timeout =
      loop_.add_timer(limits::kUserLookup, [this, user, weak = std::weak_ptr(waiting)] {
        if (const auto hung = weak.lock())
          answer(hung, make_error(ErrorCode::kDeadlineExceeded,
                                  "looking up user " + user + " took too long"));
      });
  waiting_.insert(waiting);
  const std::lock_guard lock(shared_->mutex);
  shared_->queue.push_back({user, group, waiting});
  if (shared_->idle == 0 && shared_->threads < kThreads) {
    ++shared_->threads;
    std::thread(&Shared::work, shared_).detach();
  }
  shared_->changed.notify_one();
}

void UserLookup::answer(const std::shared_ptr<Waiting>& waiting, Result<UserIdentity> result) {
  waiting_.erase(waiting);
  waiting->timeout.reset();
  const Done done = std::move(waiting->done);
  done(std::move(result));
}

}  // namespace takt::worker
