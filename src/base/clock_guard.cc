// SPDX-License-Identifier: Apache-2.0
#include "base/clock_guard.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/codec.h"
#include "base/limits.h"

namespace takt {
namespace {

constexpr std::string_view kReadingMagic = "TKCR";
constexpr std::string_view kMemoryMagic = "TKCM";
constexpr std::uint8_t kClockVersion = 1;

// How far the wall clock may be off what is expected.
microseconds most_in_one_boot(microseconds age) {
  return std::clamp<microseconds>(age / 2, limits::kClockJumpMin, limits::kClockJump);
}
microseconds most_over_a_reboot(microseconds age) {
  return std::max(age / 2, most_in_one_boot(age));
}

bool same_boot(const ClockReading& before, const ClockReading& now) {
  return before.boot_id == now.boot_id && before.boot <= now.boot;
}

microseconds elapsed(const ClockReading& before, const ClockReading& now) {
  return std::chrono::duration_cast<microseconds>(now.boot - before.boot);
}

// By how much the wall clock is ahead of what the boot clock explains: over a reboot, the time that
// the host was off, too.
microseconds ahead_of(const ClockReading& before, const ClockReading& now) {
  const microseconds explained =
      same_boot(before, now)
          ? elapsed(before, now)
          : std::chrono::duration_cast<microseconds>(now.boot.time_since_epoch());
  return now.wall - before.wall - explained;
}

bool matches(const ClockReading& before, const ClockReading& now, microseconds age) {
  const microseconds ahead = ahead_of(before, now);
  const microseconds most =
      same_boot(before, now) ? most_in_one_boot(age) : most_over_a_reboot(age);
  return ahead <= most && ahead >= -most_in_one_boot(age);
}

// The same time as `before`, at the moment of `now`: small steps of the wall clock add up.
ClockReading carried_on(const ClockReading& before, const ClockReading& now) {
  if (!same_boot(before, now)) return now;
  return {before.wall + elapsed(before, now), now.boot, now.boot_id};
}

void put(Encoder& out, const ClockReading& reading) {
  out.put_int(to_unix_us(reading.wall));
  out.put_int(reading.boot.time_since_epoch().count());
  out.put(reading.boot_id);
}

ClockReading get_reading(Decoder& in) {
  ClockReading reading;
  reading.wall = from_unix_us(in.get_int());
  reading.boot = BootTime(nanoseconds(std::max<std::int64_t>(in.get_int(), 0)));
  reading.boot_id = in.get();
  return reading;
}

}  // namespace

ClockReading read_clocks() { return {wall_now(), BootClock::now(), boot_id()}; }

bool agree(const ClockReading& before, const ClockReading& now, microseconds age) {
  return same_boot(before, now) && matches(before, now, age);
}

void ClockGuard::believe(const ClockReading& now) {
  memory_ = Memory{.trusted = now, .other = {}};
  may_delete_ = true;
  ahead_ = {};
}

void ClockGuard::confirm(const ClockReading& now) { believe(now); }

void ClockGuard::look(const ClockReading& now, microseconds age) {
  if (!memory_) return believe(now);
  ahead_ = ahead_of(memory_->trusted, now);
  if (matches(memory_->trusted, now, age)) return believe(carried_on(memory_->trusted, now));
  auto& other = memory_->other;
  if (other && matches(*other, now, age)) {
    if (same_boot(*other, now)) memory_->agreed += elapsed(*other, now);
    other = carried_on(*other, now);
  } else {
    other = now;
    memory_->agreed = {};
  }
  if (memory_->agreed >= limits::kClockAgreement) return believe(now);
  may_delete_ = ahead_ < microseconds(0);
}

microseconds ClockGuard::left() const {
  if (!memory_ || !memory_->other) return {};
  return limits::kClockAgreement - memory_->agreed;
}

std::string encode(const ClockReading& reading) {
  Encoder out;
  put(out, reading);
  return out.finish(kReadingMagic, kClockVersion);
}

Result<ClockReading> decode_clock_reading(std::string_view record) {
  auto in = Decoder::open(record, kReadingMagic, kClockVersion);
  if (!in) return in.error();
  ClockReading reading = get_reading(*in);
  if (auto whole = in->finish(); !whole) return whole.error();
  return reading;
}

std::string encode(const ClockGuard::Memory& memory) {
  Encoder out;
  put(out, memory.trusted);
  out.put_bool(memory.other.has_value());
  if (memory.other) put(out, *memory.other);
  out.put_int(memory.agreed.count());
  return out.finish(kMemoryMagic, kClockVersion);
}

Result<ClockGuard::Memory> decode_clock_memory(std::string_view record) {
  auto in = Decoder::open(record, kMemoryMagic, kClockVersion);
  if (!in) return in.error();
  ClockGuard::Memory memory;
  memory.trusted = get_reading(*in);
  if (in->get_bool()) memory.other = get_reading(*in);
  const microseconds most(limits::kClockAgreement);
  memory.agreed = std::clamp(microseconds(in->get_int()), microseconds(0), most);
  if (auto whole = in->finish(); !whole) return whole.error();
  return memory;
}

}  // namespace takt
