// SPDX-License-Identifier: Apache-2.0
#include "compat/old_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <csignal>
#include <optional>

#include "base/limits.h"
#include "base/utf8.h"
#include "rpc/status.h"

namespace takt::compat {
namespace {

constexpr std::string_view kExit = "exit status ";
constexpr std::string_view kSignal = "signal: ";
constexpr std::string_view kSignalNumber = "signal ";
constexpr std::string_view kCore = " (core dumped)";
constexpr int kExitCodeMax = 255;
constexpr int kSignalMax = 64;

// syscall.Signal.String() of Go on Linux, by number; one without a name is "signal N".
constexpr std::array<std::string_view, 16> kNames{
    "",
    "hangup",
    "interrupt",
    "quit",
    "illegal instruction",
    "trace/breakpoint trap",
    "aborted",
    "bus error",
    "floating point exception",
    "killed",
    "user defined signal 1",
    "segmentation fault",
    "user defined signal 2",
    "broken pipe",
    "alarm clock",
    "terminated",
};

std::string name_of(int signal) {
  const auto index = static_cast<std::size_t>(signal);
  if (signal > 0 && index < kNames.size()) return std::string(kNames[index]);
  return std::string(kSignalNumber) + std::to_string(signal);
}

// The number that is all of `text`.
std::optional<int> number_of(std::string_view text, int low, int high) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  const bool whole = error == std::errc() && end == text.end() && !text.empty();
  return whole && number >= low && number <= high ? std::optional(number) : std::nullopt;
}

std::optional<int> signal_of(std::string_view name) {
  const auto* const found = std::find(kNames.begin() + 1, kNames.end(), name);
  if (found != kNames.end()) return static_cast<int>(found - kNames.begin());
  if (!name.starts_with(kSignalNumber)) return std::nullopt;
  return number_of(name.substr(kSignalNumber.size()), 1, kSignalMax);
}

}  // namespace

std::string old_error_text(const JobEnd& end) {
  if (end.signal)
    return std::string(kSignal) + name_of(*end.signal) +
           (end.core_dumped ? std::string(kCore) : "");
  if (!end.exit_code) return end_message(end);
  return *end.exit_code == 0 ? "" : std::string(kExit) + std::to_string(*end.exit_code);
}

JobEnd end_of_old_text(bool error, std::string_view text) {
  JobEnd end;
  end.note = kOldNote;
  if (!error) {
    end.exit_code = 0;
    return end;
  }
  if (text.starts_with(kExit)) {
    end.exit_code = number_of(text.substr(kExit.size()), 1, kExitCodeMax);
  } else if (text.starts_with(kSignal)) {
    std::string_view name = text.substr(kSignal.size());
    end.core_dumped = name.ends_with(kCore);
    if (end.core_dumped) name.remove_suffix(kCore.size());
    end.signal = signal_of(name);
    if (end.signal) end.cause = EndCause::kSignaled;
    end.core_dumped = end.core_dumped && end.signal;
  }
  if (end.exit_code || end.signal) return end;
  end.detail =
      text.empty() ? "the old worker gives no reason" : clean_text(text, limits::kOldTextMaxBytes);
  return end;
}

bool is_job_not_found(const Error& error) {
  if (error.code == ErrorCode::kNotFound) return true;
  std::string text = error.message;
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return text.find("job not found") != std::string::npos;
}

}  // namespace takt::compat
