// SPDX-License-Identifier: Apache-2.0
// Runs takt within the test, as a process with its own descriptors would see it.
#pragma once

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "cli/console.h"
#include "cli/interrupts.h"

namespace takt::cli {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

class ProgramRun {
 public:
  // With nothing on standard input, as under cron.
  ProgramRun();
  ~ProgramRun();

  std::map<std::string, std::string> environment;
  Interrupts interrupts;

  // What standard input gives: a file with this text, or a pipe that was closed after it.
  void input_file(const std::string& text);
  void input_pipe(const std::string& text);
  // Standard output becomes a pipe that nobody reads.
  void nobody_reads();
  // Standard output becomes a pipe; read_line() reads it while the program runs.
  void pipe_output();
  std::string read_line();
  // From now on nobody reads it.
  void close_reader() { out_reader_.reset(); }

  // Runs it to its end.
  Ran run(const std::vector<std::string>& arguments);
  // Runs it beside the test; join() gives the result.
  void start(const std::vector<std::string>& arguments);
  Ran join();

 private:
  UniqueFd in_, out_, err_, out_reader_;
  std::thread thread_;
  int code_ = -1;
};

}  // namespace takt::cli
