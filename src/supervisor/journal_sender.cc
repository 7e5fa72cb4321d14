// SPDX-License-Identifier: Apache-2.0
#include "supervisor/journal_sender.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "sd/journal_field.h"

namespace takt::supervisor {
namespace {

// All fields of a line but its text.
std::string fixed_fields(const attempt::LaunchPlan& plan, Stream stream) {
  const bool is_stdout = stream == Stream::kStdout;
  std::string out;
  // stdout is information; stderr is a warning, so that `journalctl -p warning` shows what the job
  // complained about while `-p err` stays with real errors: many programs write mere progress to
  // stderr.
  sd::append_journal_field(out, "PRIORITY", is_stdout ? "6" : "4");
  if (!plan.syslog_identifier.empty())
    sd::append_journal_field(out, "SYSLOG_IDENTIFIER", plan.syslog_identifier);
  sd::append_journal_field(out, "TAKT_JOB_ID", plan.job_id);
  sd::append_journal_field(out, "TAKT_ATTEMPT", std::to_string(plan.attempt));
  sd::append_journal_field(out, "TAKT_STREAM", is_stdout ? "stdout" : "stderr");
  sd::append_journal_field(out, "OBJECT_UID", std::to_string(plan.uid));
  if (!plan.unit.empty()) sd::append_journal_field(out, "OBJECT_SYSTEMD_UNIT", plan.unit);
  return out;
}

std::array<char, 16> message_header(std::size_t size) {
  // The length form, whatever the bytes are: a line may be binary.
  std::array<char, 16> header{'M', 'E', 'S', 'S', 'A', 'G', 'E', '\n'};
  for (std::size_t i = 0; i < 8; ++i)
    header[8 + i] = static_cast<char>((static_cast<std::uint64_t>(size) >> (8 * i)) & 0xff);
  return header;
}

iovec part_of(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

}  // namespace

JournalSender::JournalSender(const attempt::LaunchPlan& plan, Clock clock)
    : enabled_(plan.journal),
      path_(plan.journal_socket),
      stdout_fields_(fixed_fields(plan, Stream::kStdout)),
      stderr_fields_(fixed_fields(plan, Stream::kStderr)),
      clock_(clock),
      window_start_(clock()) {}

void JournalSender::set_leader(pid_t pid) {
  leader_field_.clear();
  if (pid > 0) sd::append_journal_field(leader_field_, "OBJECT_PID", std::to_string(pid));
}

void JournalSender::line(Stream stream, std::string_view text) {
  if (!enabled_) return;
  if (!within_budget(text.size())) {
    ++dropped_;
    return;
  }
  // Order is kept: while something waits, a new line goes behind it.
  const Outcome outcome = backlog_.empty() ? send(stream, text) : Outcome::kBusy;
  if (outcome != Outcome::kBusy) return count(outcome);
  if (backlog_bytes_ + text.size() > limits::kJournalBacklogBytes) {
    ++dropped_;
    return;
  }
  // An empty line costs memory too.
  backlog_bytes_ += text.size() + sizeof(Waiting);
  backlog_.push_back(Waiting{.stream = stream, .text = std::string(text)});
}

void JournalSender::flush() {
  while (!backlog_.empty()) {
    const Waiting& first = backlog_.front();
    const Outcome outcome = send(first.stream, first.text);
    if (outcome == Outcome::kBusy) return;
    count(outcome);
    backlog_bytes_ -= first.text.size() + sizeof(Waiting);
    backlog_.pop_front();
  }
}

void JournalSender::finish(BootTime deadline) {
  for (flush(); !backlog_.empty(); flush()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - BootClock::now());
    if (left <= milliseconds(0)) break;
    pollfd watched{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&watched, 1, static_cast<int>(left.count())) <= 0) break;
  }
  dropped_ += backlog_.size();
  backlog_.clear();
  backlog_bytes_ = 0;
}

bool JournalSender::within_budget(std::size_t bytes) {
  const BootTime now = clock_();
  if (now - window_start_ >= limits::kJournalWindow) {
    window_start_ = now;
    window_lines_ = 0;
    window_bytes_ = 0;
  }
  if (window_lines_ == limits::kJournalWindowLines ||
      window_bytes_ + bytes > limits::kJournalWindowBytes)
    return false;
  ++window_lines_;
  window_bytes_ += bytes;
  return true;
}

bool JournalSender::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  UniqueFd fresh(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fresh) return false;
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fresh.get(), where, sizeof address) != 0) return false;
  socket_ = std::move(fresh);
  return true;
}

JournalSender::Outcome JournalSender::send(Stream stream, std::string_view text) {
  if (socket_) {
    const Outcome outcome = send_once(stream, text);
    if (outcome != Outcome::kLost) return outcome;
  }
  // The first line, or the journal has another socket now.
  return connect() ? send_once(stream, text) : Outcome::kLost;
}

JournalSender::Outcome JournalSender::send_once(Stream stream, std::string_view text) {
  const std::string& fields = stream == Stream::kStdout ? stdout_fields_ : stderr_fields_;
  const std::array<char, 16> header = message_header(text.size());
  std::array<iovec, 5> parts{part_of(fields), part_of(leader_field_),
                             part_of({header.data(), header.size()}), part_of(text), part_of("\n")};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t put = -1;
  do {
    put = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (put < 0 && errno == EINTR);
  if (put >= 0) return Outcome::kSent;
  return errno == EAGAIN ? Outcome::kBusy : Outcome::kLost;
}

void JournalSender::count(Outcome outcome) {
  if (outcome == Outcome::kSent)
    ++sent_;
  else
    ++dropped_;
}

}  // namespace takt::supervisor
