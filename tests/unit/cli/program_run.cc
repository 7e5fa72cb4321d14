// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/program_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/program.h"

namespace takt::cli {
namespace {

UniqueFd memory_file(const char* name) { return UniqueFd(::memfd_create(name, MFD_CLOEXEC)); }

std::string content(const UniqueFd& fd) {
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_SET), 0);
  return *read_all(fd.get(), 64 << 20, "captured");
}

std::pair<UniqueFd, UniqueFd> make_pipe() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace

ProgramRun::ProgramRun()
    : in_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      out_(memory_file("out")),
      err_(memory_file("err")) {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);  // as main() does
}

ProgramRun::~ProgramRun() {
  if (thread_.joinable()) thread_.join();
}

void ProgramRun::input_file(const std::string& text) {
  in_ = memory_file("in");
  ASSERT_TRUE(write_all(in_.get(), text, "in").ok());
  ASSERT_EQ(::lseek(in_.get(), 0, SEEK_SET), 0);
}

void ProgramRun::input_pipe(const std::string& text) {
  auto [reader, writer] = make_pipe();
  ASSERT_TRUE(write_all(writer.get(), text, "in").ok());
  in_ = std::move(reader);
}

void ProgramRun::nobody_reads() { out_ = make_pipe().second; }

void ProgramRun::pipe_output() {
  auto [reader, writer] = make_pipe();
  out_reader_ = std::move(reader);
  out_ = std::move(writer);
}

std::string ProgramRun::read_line() {
  std::string line;
  char c = 0;
  while (::read(out_reader_.get(), &c, 1) == 1 && c != '\n') line += c;
  return line;
}

Ran ProgramRun::run(const std::vector<std::string>& arguments) {
  start(arguments);
  return join();
}

void ProgramRun::start(const std::vector<std::string>& arguments) {
  thread_ = std::thread([this, arguments] {
    const Io io{.in = in_.get(),
                .out = out_.get(),
                .err = err_.get(),
                .interrupts = &interrupts,
                .environment = [this](const std::string& name) -> std::optional<std::string> {
                  const auto found = environment.find(name);
                  if (found == environment.end()) return std::nullopt;
                  return found->second;
                }};
    code_ = run_program(arguments, io);
  });
}

Ran ProgramRun::join() {
  thread_.join();
  const bool file = ::lseek(out_.get(), 0, SEEK_CUR) >= 0;
  return {.code = code_, .out = file ? content(out_) : "", .err = content(err_)};
}

}  // namespace takt::cli
