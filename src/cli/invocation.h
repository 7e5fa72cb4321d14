// SPDX-License-Identifier: Apache-2.0
// One call of one verb: its options and operands, the console, and the way to the scheduler.
// Guarantees: every refusal goes through here, and so has one form and the verb's exit codes.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/console.h"
#include "cli/verb.h"

namespace takt::cli {

enum class Operands { kNeeded, kOptional };

class Invocation {
 public:
  // `arguments`: all but the program's and the verb's name.
  Invocation(const Verb& verb, std::vector<std::string> arguments, const Io& io);

  // From here on parse() prints what the last argument may become, and does nothing else.
  void only_complete() { only_complete_ = true; }

  // --- declare; `name` as CLI11 takes it: "-D,--chdir" ---
  void option(const std::string& name, const std::string& value, std::string& target,
              const std::string& help);
  void repeated(const std::string& name, const std::string& value, std::vector<std::string>& target,
                const std::string& help);
  void flag(const std::string& name, bool& target, const std::string& help);
  // Takes all operands; refused if there are too many, or none where they are needed.
  void operands(std::vector<std::string>& target, std::size_t most,
                Operands needed = Operands::kNeeded);

  // Parses, or returns the exit code: help was printed, or the call is wrong.
  std::optional<int> parse();

  // --- after parse() ---
  [[nodiscard]] const std::vector<std::string>& command() const { return command_; }
  [[nodiscard]] bool json() const { return json_; }
  // Of the scheduler; after connect().
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const Io& io() const { return io_; }
  Console& console() { return *console_; }

  // Connects. Refusals come from here on by fail().
  Result<std::unique_ptr<Client>> connect();

  // Says what is wrong with the call; the exit code.
  int usage(const std::string& problem);
  // The same of all that the error names.
  int usage(const Error& error);

  // Says what could not be done and why, and what to do next; the exit code. `action` as in "can't
  // stop job 6f0b"; errors of reaching the scheduler speak for themselves.
  int fail(const std::string& action, const Error& error);

  // Prints an answer; the exit code.
  int answer(const std::string& text);

 private:
  void declare_globals();
  std::optional<int> split_command();
  std::optional<int> check_globals();
  int complete();
  [[nodiscard]] bool takes_value(const std::string& argument) const;

  const Verb& verb_;
  std::vector<std::string> arguments_;
  std::vector<std::string> command_;
  const Io& io_;
  CLI::App app_;
  std::unique_ptr<Console> console_;
  std::vector<std::string>* operands_ = nullptr;
  std::size_t operands_most_ = 0;
  Operands operands_needed_ = Operands::kNeeded;
  std::string address_;
  std::string timeout_ = "30s";
  microseconds patience_ = limits::kRpcDeadline;
  bool insecure_ = false;
  bool json_ = false;
  bool no_color_ = false;
  bool help_ = false;
  bool only_complete_ = false;
};

// "takt: ACTION: MESSAGE. ADVICE" without the "takt: "; names options rather than fields. What else
// is wrong is told by fail() and usage() only, a line each.
std::string refusal_text(const std::string& action, const Error& error);

}  // namespace takt::cli
