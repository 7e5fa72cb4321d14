// SPDX-License-Identifier: Apache-2.0
// The output of one of several jobs that are followed at once: whole lines, each behind the job's
// name. Guarantees: lines of different jobs are never mixed; a last line without an end gets one.
#pragma once

#include <array>
#include <condition_variable>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "cli/console.h"

namespace takt::cli {

// Between looks whether a signal was answered: the notification can come before the wait begins.
inline constexpr auto kSignalPoll = milliseconds(100);

// What several of them share. Thread-safe through the mutex.
struct SharedConsole {
  explicit SharedConsole(Console& shared) : console(shared) {}
  Console& console;
  std::mutex mutex;
  std::condition_variable answered;  // a signal that held up what is written
};

class PartConsole final : public Console {
 public:
  PartConsole(const Io& io, SharedConsole& shared, const std::string& name)
      : Console(io, true), shared_(shared), prefix_(name + ": ") {}

  // Takes all of the data, or says why none goes out any more.
  WriteEnd write(bool error, std::string_view data, std::size_t& written) override;
  void note(std::string_view text) override;
  [[nodiscard]] const std::string& write_error() const override;

  // The line that has no end yet.
  void finish();

 private:
  WriteEnd pass_on(bool error, std::string_view lines);

  SharedConsole& shared_;
  const std::string prefix_;
  std::array<std::string, 2> rest_;  // of standard output, error: a line without its end
};

}  // namespace takt::cli
