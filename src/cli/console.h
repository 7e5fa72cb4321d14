// SPDX-License-Identifier: Apache-2.0
// What takt reads and writes. Guarantees: answers go to standard output, all else to standard
// error; a write is whole or says how much of it went; nobody's reader or terminal is trusted to
// keep up.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/interrupts.h"

namespace takt::cli {

// The world around the program; tests give their own.
struct Io {
  int in = 0;
  int out = 1;
  int err = 2;
  Interrupts* interrupts = nullptr;
  std::function<std::optional<std::string>(const std::string& name)> environment;
};

// How an answer may be laid out.
struct Screen {
  bool colour = false;
  bool utf8 = false;
  std::size_t columns = 0;  // 0: no terminal, nothing is cut
};

enum class WriteEnd { kDone, kInterrupted, kClosed, kFailed };

class Console {
 public:
  Console(const Io& io, bool no_color);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  virtual ~Console() = default;

  [[nodiscard]] const Screen& screen() const { return screen_; }
  [[nodiscard]] bool err_is_terminal() const { return err_is_terminal_; }

  // Writes to standard output (error: to standard error) until all is out, a signal is pending, or
  // nobody reads any more; adds to `written` what went out. `error` is errno of kFailed.
  virtual WriteEnd write(bool error, std::string_view data, std::size_t& written);

  // An answer on standard output. False if nobody reads it: time to end.
  bool out(std::string_view text);

  // Whether what is read from our standard output is read no more; asks, and writes nothing.
  [[nodiscard]] bool reader_gone() const;

  // "takt: TEXT" and a line end on standard error.
  virtual void note(std::string_view text);

  // A line on a terminal that the next one overwrites; nothing elsewhere. Empty: takes it away.
  void progress(std::string_view text);

  // Why the last write ended as kFailed.
  [[nodiscard]] virtual const std::string& write_error() const { return write_error_; }

 private:
  const Io& io_;
  Screen screen_;
  bool err_is_terminal_ = false;
  bool progress_shown_ = false;
  std::string write_error_;
};

}  // namespace takt::cli
