// SPDX-License-Identifier: Apache-2.0
#include "sd/inotify.h"

#include <limits.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "base/log.h"

namespace takt::sd {

// One Watch. `owner` is null once it is reset, its file is gone, or the Inotify is.
class Inotify::Entry {
 public:
  Entry(const std::shared_ptr<Impl>& owner_in, int number_in, std::uint32_t mask_in, Callback fn_in)
      : owner(owner_in), number(number_in), mask(mask_in), fn(std::move(fn_in)) {}
  std::weak_ptr<Impl> owner;
  int number;  // inotify's watch descriptor
  std::uint32_t mask;
  Callback fn;
};

class Inotify::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Result<void> open(EventLoop& loop);
  Result<std::shared_ptr<Entry>> add(const std::string& path, std::uint32_t mask, Callback fn);
  void remove(const std::shared_ptr<Entry>& entry);
  void close();

 private:
  void read_events();
  void deliver(int number, std::uint32_t events);
  void overflow();

  UniqueFd fd_;
  Source source_;
  std::map<int, std::vector<std::shared_ptr<Entry>>> entries_;  // by watch descriptor
};

Result<void> Inotify::Impl::open(EventLoop& loop) {
  fd_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd_) return system_error("inotify_init1");
  auto source = loop.add_io(fd_.get(), EPOLLIN, [this](std::uint32_t) { read_events(); });
  if (!source) return source.error();
  source_ = std::move(*source);
  return {};
}

// Watches outlive it as empty shells, the ones about to be called too.
void Inotify::Impl::close() {
  source_.reset();
  for (auto& [number, entries] : entries_)
    for (auto& entry : entries) entry->owner.reset();
  entries_.clear();
}

Result<std::shared_ptr<Inotify::Entry>> Inotify::Impl::add(const std::string& path,
                                                           std::uint32_t mask, Callback fn) {
  // A second watch of an inode shares the first one's number: add to its mask, never replace it.
  const int number = ::inotify_add_watch(fd_.get(), path.c_str(), mask | IN_MASK_ADD);
  if (number < 0) return system_error("watching " + path);
  auto entry = std::make_shared<Entry>(shared_from_this(), number, mask, std::move(fn));
  entries_[number].push_back(entry);
  return entry;
}

void Inotify::Impl::remove(const std::shared_ptr<Entry>& entry) {
  const auto place = entries_.find(entry->number);
  if (place == entries_.end()) return;
  std::erase(place->second, entry);
  if (!place->second.empty()) return;
  entries_.erase(place);
  ::inotify_rm_watch(fd_.get(), entry->number);  // fails only if the file is gone already
}

void Inotify::Impl::read_events() {
  const auto alive = shared_from_this();  // a callback may destroy the Inotify
  alignas(inotify_event) char buffer[64 * 1024];
  const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR)
      log_error("reading inotify events, which are lost: " + errno_text(errno));
    return;
  }
  std::map<int, std::uint32_t> events;
  bool overflowed = false;
  const char* end = buffer + got;
  for (const char* at = buffer; at < end;) {
    inotify_event event{};
    std::memcpy(&event, at, sizeof event);
    at += sizeof event + event.len;
    if ((event.mask & IN_Q_OVERFLOW) != 0)
      overflowed = true;
    else
      events[event.wd] |= event.mask;
  }
  for (const auto& [number, mask] : events) deliver(number, mask);
  if (overflowed) overflow();
}

void Inotify::Impl::deliver(int number, std::uint32_t events) {
  const auto place = entries_.find(number);
  if (place == entries_.end()) return;  // of a watch that was removed meanwhile
  const auto called = place->second;    // callbacks may add and remove
  if ((events & IN_IGNORED) != 0) entries_.erase(place);
  for (const auto& entry : called) {
    const std::uint32_t seen = events & (entry->mask | IN_IGNORED | IN_UNMOUNT);
    if (seen != 0 && !entry->owner.expired()) entry->fn(seen);
  }
}

void Inotify::Impl::overflow() {
  std::vector<std::shared_ptr<Entry>> called;
  for (const auto& [number, entries] : entries_)
    called.insert(called.end(), entries.begin(), entries.end());
  for (const auto& entry : called)
    if (!entry->owner.expired()) entry->fn(IN_Q_OVERFLOW);
}

Inotify::Watch& Inotify::Watch::operator=(Watch&& other) noexcept {
  Watch stolen(std::move(other));
  std::swap(entry_, stolen.entry_);
  return *this;
}

void Inotify::Watch::reset() {
  const auto entry = std::exchange(entry_, nullptr);
  if (entry == nullptr) return;
  const auto owner = std::exchange(entry->owner, {}).lock();
  if (owner != nullptr) owner->remove(entry);
}

Inotify::Inotify(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Inotify::~Inotify() { impl_->close(); }

Result<std::unique_ptr<Inotify>> Inotify::create(EventLoop& loop) {
  auto impl = std::make_shared<Impl>();
  if (auto opened = impl->open(loop); !opened) return opened.error();
  return std::unique_ptr<Inotify>(new Inotify(std::move(impl)));
}

Result<Inotify::Watch> Inotify::watch(const std::string& path, std::uint32_t mask, Callback fn) {
  auto entry = impl_->add(path, mask, std::move(fn));
  if (!entry) return entry.error();
  return Watch(std::move(*entry));
}

Result<Inotify::Watch> Inotify::watch(int fd, std::uint32_t mask, Callback fn) {
  return watch("/proc/self/fd/" + std::to_string(fd), mask, std::move(fn));
}

}  // namespace takt::sd
