// SPDX-License-Identifier: Apache-2.0
// From a job's pipe to its files and to the journal. Guarantees: a turn is bounded, so that one
// loud stream starves nobody; the job waits for nothing but the file system.
#pragma once

#include <cstddef>
#include <memory>

#include "base/unique_fd.h"
#include "supervisor/journal_sender.h"
#include "supervisor/line_splitter.h"
#include "supervisor/output_file.h"
#include "supervisor/timeline_file.h"

namespace takt::supervisor {

class Pump {
 public:
  // `pipe` is non-blocking; `timeline` and `journal` outlive this.
  Pump(Stream stream, UniqueFd pipe, OutputFile file, TimelineFile& timeline,
       JournalSender& journal);

  // To be polled for POLLIN; -1 once every writer has closed.
  [[nodiscard]] int fd() const { return pipe_.get(); }

  // Takes what is there, up to a turn's bound.
  void turn();
  // The end: takes what is in the pipe at this moment, and the last line without a newline. Writers
  // that are left (a descriptor given to somebody outside of the job) are not waited for.
  void finish();

  // After finish(): gives up the end of what is kept, for something that matters more. False if
  // there is nothing.
  bool give_back() { return file_.give_back(); }

  [[nodiscard]] const attempt::StreamTotals& totals() const { return file_.totals(); }

 private:
  bool read_once(std::size_t max_bytes, std::size_t& taken);

  Stream stream_;
  UniqueFd pipe_;
  OutputFile file_;
  TimelineFile& timeline_;
  JournalSender& journal_;
  LineSplitter lines_;
  std::unique_ptr<char[]> buffer_;  // of kChunkBytes
};

}  // namespace takt::supervisor
