// SPDX-License-Identifier: Apache-2.0
// Many file watches over one inotify descriptor. Guarantees: several watches of one file do not
// disturb each other; events of one read are merged per watch; when the kernel's queue overflows
// every watch is called with IN_Q_OVERFLOW, so a watcher that looks for itself never misses news.
// Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "sd/event_loop.h"

namespace takt::sd {

class Inotify {
 public:
  // The events seen, among those asked for and IN_IGNORED (the file is gone: the last call) and
  // IN_Q_OVERFLOW (news may have been lost: look).
  using Callback = std::function<void(std::uint32_t mask)>;

  class Impl;
  class Entry;

  // Destroying it ends the watch, also from within its own callback.
  class [[nodiscard]] Watch {
   public:
    Watch() = default;
    Watch(Watch&&) noexcept = default;
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { reset(); }
    explicit operator bool() const { return entry_ != nullptr; }
    void reset();

   private:
    friend class Inotify;
    explicit Watch(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
    std::shared_ptr<Entry> entry_;
  };

  static Result<std::unique_ptr<Inotify>> create(EventLoop& loop);
  ~Inotify();
  Inotify(const Inotify&) = delete;
  Inotify& operator=(const Inotify&) = delete;

  // Calls `fn` on the events of `mask` (IN_MODIFY …) of `path`. kSystem/ENOSPC at the user's limit.
  Result<Watch> watch(const std::string& path, std::uint32_t mask, Callback fn);

  // The same for what an open descriptor stands for, by /proc/self/fd.
  Result<Watch> watch(int fd, std::uint32_t mask, Callback fn);

 private:
  explicit Inotify(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace takt::sd
