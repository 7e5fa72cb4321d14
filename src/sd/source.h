// SPDX-License-Identifier: Apache-2.0
// The owner of one thing that the event loop watches. Guarantees: once a Source is destroyed or
// reset its callback is not called again; both are safe inside any callback, its own too. Loop
// thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace takt::sd {

// What stands behind a Source; kept alive while its callback runs.
class SourceNode {
 public:
  SourceNode() = default;
  SourceNode(const SourceNode&) = delete;
  SourceNode& operator=(const SourceNode&) = delete;
  virtual ~SourceNode() = default;
  virtual void cancel() = 0;
  virtual void set_events(std::uint32_t events);
};

class [[nodiscard]] Source {
 public:
  Source() = default;
  explicit Source(std::shared_ptr<SourceNode> node) : node_(std::move(node)) {}
  Source(Source&& other) noexcept : node_(std::move(other.node_)) {}
  Source& operator=(Source&& other) noexcept {
    Source stolen(std::move(other));
    std::swap(node_, stolen.node_);
    return *this;
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() { reset(); }

  // True while it holds a source, fired or not.
  explicit operator bool() const { return node_ != nullptr; }

  // Removes the source.
  void reset() {
    if (auto node = std::exchange(node_, nullptr)) node->cancel();
  }

  // Waits for other epoll events from now on; 0 for none. Only for add_io.
  void set_events(std::uint32_t events);

 private:
  std::shared_ptr<SourceNode> node_;
};

}  // namespace takt::sd
