// SPDX-License-Identifier: Apache-2.0
// takt: wraps the program, and lets nothing escape.
#include <signal.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/startup.h"
#include "cli/exit_code.h"
#include "cli/program.h"

namespace {

std::optional<std::string> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

// A reader that is gone is an error of write, which knows what to do about it.
void ignore_sigpipe() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (!takt::fill_standard_fds()) return takt::cli::kExitTakt;
  ignore_sigpipe();
  std::setlocale(LC_CTYPE, "");
  takt::cli::Interrupts interrupts;
  const takt::cli::Io io{.interrupts = &interrupts, .environment = from_environment};
  try {
    return takt::cli::run_program(std::vector<std::string>(argv + 1, argv + argc), io);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "takt: %s\n", error.what());
    return takt::cli::kExitTakt;
  }
}
