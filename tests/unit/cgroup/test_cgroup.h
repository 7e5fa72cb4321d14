// SPDX-License-Identifier: Apache-2.0
// A real cgroup of the test's own, directly below the cgroup2 mount. Guarantees: every process in
// it is killed and it is removed when the owner goes. Where there is no cgroup2 mount, or no
// permission, the test fails: it never skips.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "base/check.h"
#include "cgroup/cgroup.h"

namespace takt::test {

class TestCgroup {
 public:
  TestCgroup() : name_("takt-test-" + std::to_string(::getpid())) {
    auto tree = cgroup::Tree::find();
    TAKT_CHECK(tree.ok(), "%s", tree.error().message.c_str());
    auto root = cgroup::Cgroup::open(*tree, "/");
    TAKT_CHECK(root.ok(), "%s", root.error().message.c_str());
    root_ = std::move(*root);
    auto own = root_.make_child(name_);
    TAKT_CHECK(own.ok(), "these tests need root and a cgroup2 mount: %s",
               own.error().message.c_str());
    own_ = std::move(*own);
  }
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;
  ~TestCgroup() {
    static_cast<void>(own_.kill());
    wait_until_empty(own_);
    const auto removed = root_.remove_child(name_);
    TAKT_CHECK(removed.ok(), "%s", removed.error().message.c_str());
  }

  [[nodiscard]] const cgroup::Cgroup& get() const { return own_; }

  // Blocks until no process is left in `cgroup`; false after 20 s.
  static bool wait_until_empty(const cgroup::Cgroup& cgroup) {
    constexpr int kPatienceMs = 20000;
    auto events = cgroup::Events::open(cgroup);
    if (!events) return true;
    while (events->populated().value()) {
      pollfd watched{.fd = events->fd(), .events = POLLPRI, .revents = 0};
      if (::poll(&watched, 1, kPatienceMs) == 0) return false;
    }
    return true;
  }

 private:
  std::string name_;
  cgroup::Cgroup root_;
  cgroup::Cgroup own_;
};

}  // namespace takt::test
