// SPDX-License-Identifier: Apache-2.0
// The record `supervisor`: written by the worker, appended to by the supervisor, read at a restart
// while the supervisor may be in the midst of a line.
#include "attempt/records.h"
#include "fuzz/fuzz.h"

namespace takt::fuzz {
namespace {

using attempt::decode_supervisor_record;
using attempt::SupervisorRecord;

// Cut anywhere, it is what its whole lines say.
void expect_whole_lines_only(std::string_view text) {
  const std::string_view cut = torn(text);
  const auto lines = cut.substr(0, cut.rfind('\n') + 1);  // npos + 1 is 0: no whole line
  const auto of_cut = decode_supervisor_record(cut);
  const auto of_lines = decode_supervisor_record(lines);
  TAKT_CHECK(of_cut.ok() == of_lines.ok(), "half a line decides whether a record is good");
  if (of_cut) TAKT_CHECK(*of_cut == *of_lines, "half a line was read");
}

}  // namespace

bool feed(std::string_view input) {
  const auto record = decode_supervisor_record(input);
  if (!input.empty()) expect_whole_lines_only(input);
  if (!record) {
    TAKT_CHECK(record.error().code == ErrorCode::kDataLoss, "%s", record.error().message.c_str());
    return false;
  }
  const auto write = [](const SupervisorRecord& of) { return encode(of); };
  expect_whole_lines_only(expect_round_trip(*record, write, decode_supervisor_record));
  return true;
}

}  // namespace takt::fuzz
