// SPDX-License-Identifier: Apache-2.0
// The terminal while takt draws on all of it. Guarantees: it is as it was before after every way
// out: the end of this object, a signal, a stop (Ctrl-Z), a crash of the program.
#pragma once

#include <termios.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace takt::cli {

// How large the terminal is; as of old where it does not say.
struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

class Terminal {
 public:
  // Takes the terminal of `out` over, and with it SIGWINCH, SIGTSTP, SIGCONT, SIGHUP and SIGQUIT.
  // Keys come from `in` if that is a terminal. One at a time; must come before the process has
  // other threads.
  static Result<std::unique_ptr<Terminal>> take(int in, int out);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] TerminalSize size() const;

  // For poll: readable when signals are to be dealt with, or a key was pressed (-1: never).
  [[nodiscard]] int signal_fd() const { return signals_.get(); }
  [[nodiscard]] int key_fd() const { return keys_ ? in_ : -1; }

  // Deals with the signals that came: stops where that was asked for, and comes back. The signal
  // that is to end the program, or nothing: then the screen is to be drawn anew.
  std::optional<int> on_signals();

  // The keys pressed since the last call; those that send more than a character are left out, also
  // where a part of what they send comes later.
  std::string read_keys();

  // What puts a whole screen in the place of the one before.
  static std::string frame(const std::string& lines);

 private:
  Terminal(int in, int out) : in_(in), out_(out) {}
  // Within what a key sends that sends more than a character.
  enum class Within { kNone, kEscape, kOne, kMany };

  void enter();
  void leave();
  void stop();
  bool plain(char c);

  const int in_;
  const int out_;
  UniqueFd signals_;
  termios before_{};
  bool keys_ = false;
  Within within_ = Within::kNone;
};

}  // namespace takt::cli
