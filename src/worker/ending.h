// SPDX-License-Identifier: Apache-2.0
// From the end of a supervisor to an end that is told. Guarantees: an end is durable before anybody
// hears of it; the ends of one loop turn become durable together; without a supervisor's record the
// rest of the job is killed, and job/ empty, before SUPERVISOR_LOST is told. Loop thread only.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "worker/core.h"

namespace takt::worker {

// Never change them: catalogs and scripts know them.
inline constexpr std::string_view kSupervisorLostId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e12";
inline constexpr std::string_view kEndNotRecordedId = "7a1c40e5d2f64d0bb0f3a1f2c9d83e13";

class Ending {
 public:
  explicit Ending(Core& core);

  // Notices when the supervisor behind the attempt's pidfd ends.
  void watch_supervisor(const LivePtr& live);

  // Has `fn` hear what such a supervisor said on its control socket last, if it has one still.
  void on_last_words(std::function<void(const LivePtr&)> fn) { last_words_ = std::move(fn); }

  // Has `fn` finish off an attempt that is given back, once it has no process any more.
  void on_given_back(std::function<void(const LivePtr&)> fn) { given_back_ = std::move(fn); }

  // The command has ended (the supervisor says so, or its record does): the state is ENDING.
  void leader_ended(const LivePtr& live);

  // There is no supervisor (any more): works out the end from end_record or the record, and goes
  // on.
  void without_process(const LivePtr& live);

  // The end of `live` is committed by its owner: nothing is owed any more.
  void acknowledge(const LivePtr& live);

 private:
  void supervisor_lost(const LivePtr& live);
  void kill_rest(const LivePtr& live);
  void write_lost_record(const LivePtr& live);
  void write_end(const LivePtr& live);
  void retry_later(const LivePtr& live, const Error& error, void (Ending::*step)(const LivePtr&));
  void queue_end(const LivePtr& live);
  void on_turn_end();
  void on_durable(const std::vector<LivePtr>& batch, const Result<void>& synced);
  void conclude(const LivePtr& live);

  Core& core_;
  std::function<void(const LivePtr&)> last_words_;
  std::function<void(const LivePtr&)> given_back_;
  std::vector<LivePtr> not_durable_;
};

}  // namespace takt::worker
