// SPDX-License-Identifier: Apache-2.0
#include "compat/records.h"

#include "base/codec.h"

namespace takt::compat {
namespace {

constexpr std::string_view kWorkerMagic = "TKOW";
constexpr std::string_view kAttemptMagic = "TKOA";
constexpr std::uint8_t kVersion = 1;

void put_time(Encoder& encoder, const std::optional<WallTime>& time) {
  encoder.put_bool(time.has_value());
  if (time) encoder.put_int(to_unix_us(*time));
}

std::optional<WallTime> get_time(Decoder& decoder) {
  if (!decoder.get_bool()) return std::nullopt;
  return from_unix_us(decoder.get_int());
}

void put_number(Encoder& encoder, const std::optional<int>& number) {
  encoder.put_bool(number.has_value());
  if (number) encoder.put_int(*number);
}

std::optional<int> get_number(Decoder& decoder) {
  if (!decoder.get_bool()) return std::nullopt;
  return static_cast<int>(decoder.get_int());
}

void put_end(Encoder& encoder, const JobEnd& end) {
  encoder.put_enum(end.cause);
  put_number(encoder, end.exit_code);
  put_number(encoder, end.signal);
  encoder.put_bool(end.core_dumped);
  encoder.put(end.failed_step);
  encoder.put(end.stopped_by);
  encoder.put(end.reason);
  encoder.put(end.detail);
  encoder.put(end.note);
}

JobEnd get_end(Decoder& decoder) {
  JobEnd end;
  end.cause = decoder.get_enum(EndCause::kRejected);
  end.exit_code = get_number(decoder);
  end.signal = get_number(decoder);
  end.core_dumped = decoder.get_bool();
  end.failed_step = decoder.get();
  end.stopped_by = decoder.get();
  end.reason = decoder.get();
  end.detail = decoder.get();
  end.note = decoder.get();
  return end;
}

Error damaged(const Error& error) { return make_error(ErrorCode::kDataLoss, error.message); }

}  // namespace

std::string encode(const OldWorkerRecord& worker) {
  Encoder encoder;
  encoder.put(worker.id.str());
  encoder.put(worker.address);
  encoder.put_bool(worker.registered);
  encoder.put_int(to_unix_us(worker.register_time));
  return encoder.finish(kWorkerMagic, kVersion);
}

Result<OldWorkerRecord> decode_old_worker(std::string_view record) {
  auto decoder = Decoder::open(record, kWorkerMagic, kVersion);
  if (!decoder) return decoder.error();
  OldWorkerRecord worker;
  const std::string id = decoder->get();
  worker.address = decoder->get();
  worker.registered = decoder->get_bool();
  worker.register_time = from_unix_us(decoder->get_int());
  if (auto whole = decoder->finish(); !whole) return whole.error();
  auto parsed = Uuid::parse(id);
  if (!parsed) return damaged(parsed.error());
  worker.id = *parsed;
  return worker;
}

std::string encode(const OldAttempt& attempt) {
  Encoder encoder;
  encoder.put(attempt.id.job_id.str());
  encoder.put_int(attempt.id.number);
  encoder.put_enum(attempt.stage);
  encoder.put(attempt.old_id);
  put_time(encoder, attempt.start_time);
  encoder.put_bool(attempt.stop.has_value());
  if (attempt.stop) {
    encoder.put(attempt.stop->by);
    encoder.put(attempt.stop->reason);
  }
  encoder.put_bool(attempt.end.has_value());
  if (attempt.end) put_end(encoder, *attempt.end);
  put_time(encoder, attempt.end_time);
  return encoder.finish(kAttemptMagic, kVersion);
}

Result<OldAttempt> decode_old_attempt(std::string_view record) {
  auto decoder = Decoder::open(record, kAttemptMagic, kVersion);
  if (!decoder) return decoder.error();
  OldAttempt attempt;
  const std::string id = decoder->get();
  attempt.id.number = static_cast<int>(decoder->get_int());
  attempt.stage = decoder->get_enum(OldStage::kEnded);
  attempt.old_id = decoder->get();
  attempt.start_time = get_time(*decoder);
  if (decoder->get_bool()) {
    attempt.stop.emplace();
    attempt.stop->by = decoder->get();
    attempt.stop->reason = decoder->get();
  }
  if (decoder->get_bool()) attempt.end = get_end(*decoder);
  attempt.end_time = get_time(*decoder);
  if (auto whole = decoder->finish(); !whole) return whole.error();
  auto parsed = Uuid::parse(id);
  if (!parsed) return damaged(parsed.error());
  attempt.id.job_id = *parsed;
  const bool consistent = attempt.id.number >= 1 &&
                          (attempt.stage == OldStage::kEnded) == attempt.end.has_value() &&
                          (attempt.stage != OldStage::kRunning || !attempt.old_id.empty());
  if (!consistent) return make_error(ErrorCode::kDataLoss, "the record contradicts itself");
  return attempt;
}

}  // namespace takt::compat
