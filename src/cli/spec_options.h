// SPDX-License-Identifier: Apache-2.0
// The options of `run` and `submit` that say what to run. Guarantees: a bad value is refused here,
// by the name of its option and with what is accepted, before anything is sent.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/console.h"
#include "cli/parts_options.h"
#include "cli/resource_options.h"
#include "cli/waiting_options.h"
#include "job/spec.h"

namespace takt::cli {

class Invocation;

class SpecOptions {
 public:
  void declare(Invocation& call);

  // The spec without its standard input.
  Result<JobSpec> build(const std::vector<std::string>& command, const Io& io) const;

  [[nodiscard]] const PartsOptions& parts() const { return parts_; }

  // True: standard input is not to be sent along.
  [[nodiscard]] bool no_stdin() const { return no_stdin_; }

 private:
  Result<void> read_stop(StopPolicy& stop) const;
  Result<void> read_kind(JobSpec& spec) const;
  Result<void> read_pairs(JobSpec& spec, const Io& io) const;

  std::string name_, user_, group_, chdir_, script_, stop_signal_, stop_to_, grace_, launcher_,
      output_cap_;
  std::vector<std::string> environment_, on_, labels_, readers_;
  ResourceOptions resources_;
  WaitingOptions waiting_;
  PartsOptions parts_;
  bool no_journal_ = false;
  bool no_stdin_ = false;
};

// "TERM", "SIGTERM", "RTMIN+1" or a number from 1 to 64.
Result<int> parse_signal(const std::string& text, const std::string& field);

// "key=value", "key!=value", "key=a,b" (one of them) or "key" (it is there).
Result<Constraint> parse_constraint(const std::string& text);

// What --label says: "key=value" each.
Result<Labels> parse_labels(const std::vector<std::string>& texts);

// The option behind a field of the API ("spec.argv" is "the command"); empty if there is none.
std::string option_of_field(const std::string& field);

}  // namespace takt::cli
