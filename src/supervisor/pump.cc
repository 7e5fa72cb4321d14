// SPDX-License-Identifier: Apache-2.0
#include "supervisor/pump.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/limits.h"

namespace takt::supervisor {
namespace {

constexpr int kReadsPerTurn = 8;

}  // namespace

Pump::Pump(Stream stream, UniqueFd pipe, OutputFile file, TimelineFile& timeline,
           JournalSender& journal)
    : stream_(stream),
      pipe_(std::move(pipe)),
      file_(std::move(file)),
      timeline_(timeline),
      journal_(journal),
      lines_(limits::kJournalLineMaxBytes),
      buffer_(std::make_unique_for_overwrite<char[]>(limits::kChunkBytes)) {}

// False once there is nothing more to take now.
bool Pump::read_once(std::size_t max_bytes, std::size_t& taken) {
  ssize_t got = -1;
  do {
    got = ::read(pipe_.get(), buffer_.get(), std::min(limits::kChunkBytes, max_bytes));
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) {
    pipe_.reset();
    return false;
  }
  taken = static_cast<std::size_t>(got);
  const std::string_view bytes(buffer_.get(), taken);
  timeline_.add(stream_, bytes.size(), wall_now());
  file_.append(bytes);
  lines_.feed(bytes, [this](std::string_view line) { journal_.line(stream_, line); });
  return true;
}

void Pump::turn() {
  std::size_t taken = 0;
  for (int i = 0; i < kReadsPerTurn && pipe_; ++i)
    if (!read_once(limits::kChunkBytes, taken)) return;
}

void Pump::finish() {
  int there = 0;
  if (!pipe_ || ::ioctl(pipe_.get(), FIONREAD, &there) != 0) there = 0;
  auto left = static_cast<std::size_t>(std::max(there, 0));
  std::size_t taken = 0;
  while (left > 0 && read_once(left, taken)) left -= taken;
  pipe_.reset();
  lines_.finish([this](std::string_view line) { journal_.line(stream_, line); });
}

}  // namespace takt::supervisor
