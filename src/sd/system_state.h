// SPDX-License-Identifier: Apache-2.0
// Asks PID 1 in which state the system is: on its own socket, which is there without the bus and
// until the last moment of a shutdown. Guarantees: nothing blocks; there is an answer, or an error,
// by deadline(). For root.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace takt::sd {

// What SystemState says from the moment that a shutdown is queued.
inline constexpr const char* kSystemStopping = "stopping";

class SystemStateQuestion {
 public:
  static Result<SystemStateQuestion> ask();
  SystemStateQuestion(SystemStateQuestion&&) noexcept;
  SystemStateQuestion& operator=(SystemStateQuestion&&) noexcept;
  ~SystemStateQuestion();

  // What to poll for until turn() has to be called.
  [[nodiscard]] int fd() const;
  [[nodiscard]] short events() const;
  [[nodiscard]] BootTime deadline() const { return deadline_; }

  // Goes on as far as it can; the state, such as "running", once it is known.
  std::optional<Result<std::string>> turn();

 private:
  struct Connection;
  explicit SystemStateQuestion(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
  BootTime deadline_;
};

}  // namespace takt::sd
