// SPDX-License-Identifier: Apache-2.0
// What a worker that comes back has to do depends on what is active, however long its history is;
// and it takes up a thousand running jobs as it takes up one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <string>

#include "base/fs.h"
#include "base/units.h"
#include "base/uuid.h"
#include "component/fleet.h"

namespace takt::component {
namespace {

constexpr std::chrono::seconds kLongPatience{120};
constexpr int kRunning = 1000;

// tools/test --all asks for more.
int history_length() {
  const char* asked = std::getenv("TAKT_HISTORY");
  return asked == nullptr ? 500 : static_cast<int>(parse_integer(asked, "", 1, 1 << 20).value());
}

class Scale : public Fleet {
 protected:
  static std::string read(const std::string& path) {
    const auto text = read_file(AT_FDCWD, path, 256 << 20);
    return text ? *text : "";
  }
  static std::size_t count(const std::string& text, const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
      ++found;
    return found;
  }
};

class History : public Scale {
 protected:
  // As many ended jobs as asked for, each a copy of the files in `model`.
  void make_history(const std::string& model, int length) {
    const auto files = list_directory(AT_FDCWD, model);
    ASSERT_TRUE(files.ok() && files->size() >= 4) << "a job that has run";
    std::map<std::string, std::string> sources;
    for (const std::string& file : *files) sources[file] = model + "/" + file;
    for (int i = 0; i < length; ++i) {
      const std::string folder = worker_->state() + "/jobs/" + Uuid::random().str() + "/1";
      ASSERT_TRUE(make_directories(folder, 0711).ok());
      for (auto& [file, source] : sources) {
        const std::string target = folder + "/" + file;
        if (::link(source.c_str(), target.c_str()) == 0) continue;
        ASSERT_EQ(errno, EMLINK) << file;  // a file has some 65,000 names at most
        ASSERT_TRUE(write_file(AT_FDCWD, target, read(source), 0600).ok());
        source = target;
      }
    }
  }

  struct Calls {
    std::size_t opened = 0;
    std::size_t listed = 0;
    friend bool operator==(const Calls&, const Calls&) = default;
  };
  // Starts the worker, lets it settle with its scheduler, stops it, and returns what it opened and
  // listed below its state folder in all this time.
  Calls come_and_go() {
    const std::string trace = folder_.path() + "/trace";
    static_cast<void>(::unlink(trace.c_str()));
    const std::string settled = "session with scheduler store";
    const std::size_t before = count(worker_->log(), settled + " ");
    // -D: the worker stays our own child.
    worker_->start({"/usr/bin/strace", "-D", "-f", "-y", "-qq", "-e", "trace=/^(open|getdents)",
                    "-e", "signal=none", "-o", trace});
    EXPECT_TRUE(eventually([&] { return count(worker_->log(), settled + " ") > before; }));
    worker_->stop();
    // The tracer writes what it has, then goes.
    EXPECT_TRUE(eventually([] {
      test::reap_orphans();
      return test::children_of(::getpid()).size() <= 2;  // the scheduler, and the supervisor
    }));
    const std::string text = read(trace);
    Calls calls;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      if (line.find(worker_->state()) == std::string::npos || line.find(" resumed>") != line.npos)
        continue;
      if (line.find(" getdents") != line.npos) {
        ++calls.listed;
      } else {
        ++calls.opened;
      }
    }
    return calls;
  }

  WorkerProcess* worker_ = nullptr;
};

TEST_F(History, CostsAWorkerThatComesBackNothing) {
  worker_ = &add_worker("one");
  const std::string done = submit(sh("echo out; echo err >&2"));
  EXPECT_EQ(ended(done).state(), v1::JOB_STATE_SUCCEEDED);
  Gate gate(shared("gate"));
  const std::string running = submit(sh("echo up > " + shared("up") + "; : < " + gate.path()));
  ASSERT_TRUE(eventually([&] { return read_shared("up") == "up\n"; }));
  ASSERT_TRUE(eventually([&] { return worker_->active().size() == 1; }));
  worker_->stop();
  // Out of the folder, so that the first count is one without any history.
  const std::string model = folder_.path() + "/model";
  ASSERT_EQ(::rename((worker_->state() + "/jobs/" + done).c_str(), model.c_str()), 0);

  const Calls without = come_and_go();
  EXPECT_GT(without.opened, 4U) << "the running one is looked at";
  EXPECT_GT(without.listed, 0U);
  make_history(model + "/1", history_length());
  const Calls with = come_and_go();
  EXPECT_EQ(with.opened, without.opened);
  EXPECT_EQ(with.listed, without.listed);

  worker_->start();
  gate.open();
  EXPECT_EQ(ended(running).state(), v1::JOB_STATE_SUCCEEDED);
}

class Many : public Scale {
 protected:
  struct Seen {
    int pid = 0;
    std::int64_t start_us = 0;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  // What the worker says of its running attempts.
  static std::map<std::string, Seen> running(WorkerProcess& worker) {
    std::map<std::string, Seen> found;
    v1::WorkerServiceListJobsRequest request;
    request.set_page_size(1000);
    v1::WorkerServiceListJobsResponse page;
    do {
      if (!worker.stub().ListJobs(context().get(), request, &page).ok()) return {};
      for (const v1::Attempt& attempt : page.attempts()) {
        if (attempt.state() != v1::JOB_STATE_RUNNING) continue;
        const auto& start = attempt.start_time();
        found[attempt.job_id()] = {attempt.leader_pid(),
                                   start.seconds() * 1'000'000 + start.nanos() / 1000};
      }
      request.set_page_token(page.next_page_token());
    } while (!page.next_page_token().empty());
    return found;
  }
};

TEST_F(Many, RunningJobsAreAdopted) {
  WorkerProcess& worker = add_worker("one", {.labels = "", .slots = kRunning});
  Gate gate(shared("gate"));
  std::vector<v1::JobSpec> specs;
  for (int i = 0; i < kRunning; ++i)
    specs.push_back(sh(": < " + gate.path() + "; exit " + std::to_string(i % 250)));
  const std::vector<std::string> ids = submit_all(specs);
  std::map<std::string, Seen> before;
  ASSERT_TRUE(eventually(
      [&] {
        before = running(worker);
        return before.size() == kRunning;
      },
      kLongPatience))
      << before.size();
  worker.kill();
  worker.start();
  const std::string all = std::to_string(kRunning);
  ASSERT_TRUE(eventually(
      [&] {
        return count(worker.log(), "found " + all + " attempts of an earlier run, " + all) == 1;
      },
      kLongPatience));
  EXPECT_EQ(count(worker.log(), "runs on: adopted"), kRunning);
  ASSERT_TRUE(eventually([&] { return running(worker).size() == kRunning; }));
  EXPECT_EQ(running(worker), before) << "the same processes";
  gate.open();
  for (int i = 0; i < kRunning; ++i) {
    const v1::Job job = ended(ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(job.end().cause(), v1::END_CAUSE_EXITED) << job.end().message();
    EXPECT_EQ(job.end().exit_code(), i % 250);
    EXPECT_EQ(job.attempts_size(), 1);
  }
}

}  // namespace
}  // namespace takt::component
