-- SPDX-License-Identifier: Apache-2.0
-- The scheduler's store, version 3 (store/migrations.cc has the way there). Times are microseconds
-- since 1970; *_record columns are framed binary records (base/codec.h); ids are UUIDs as text.

-- store_id: the store's own UUID. epoch: higher with each scheduler that took the store over.
-- missing_revisions: how many there are between the oldest event and the newest that none has.
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A job's number is the revision of its submission, so numbers are ages. Of a part, `whole` is the
-- number of the job that it is a part of, whose spec it has; the parts of a whole that were submitted
-- together follow it by number.
CREATE TABLE jobs(
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  revision INTEGER NOT NULL,
  state INTEGER NOT NULL,
  name TEXT NOT NULL,
  submit_time_us INTEGER NOT NULL,
  submitted_by TEXT NOT NULL,
  submit_user TEXT NOT NULL,
  stop_by TEXT,
  stop_reason TEXT,
  stop_grace_us INTEGER,
  end_record BLOB,
  end_time_us INTEGER,
  priority INTEGER NOT NULL DEFAULT 0,
  held_by TEXT,
  held_by_operator INTEGER NOT NULL DEFAULT 0,
  not_before_us INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  retry_of TEXT,
  parts INTEGER NOT NULL DEFAULT 0,
  whole INTEGER,
  part_index INTEGER,
  part_worker TEXT,
  stop_requeue INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_by_state ON jobs(state, number);
CREATE INDEX jobs_by_name ON jobs(name, number) WHERE name <> '';
-- Jobs that are no parts, which is what lists show.
CREATE INDEX jobs_whole ON jobs(number) WHERE whole IS NULL;
CREATE INDEX jobs_whole_by_state ON jobs(state, number) WHERE whole IS NULL;
CREATE INDEX jobs_whole_by_user ON jobs(submit_user, number) WHERE whole IS NULL;
CREATE INDEX jobs_whole_by_user_and_state ON jobs(submit_user, state, number)
  WHERE whole IS NULL;
CREATE INDEX parts_of_whole ON jobs(whole, number) WHERE whole IS NOT NULL;
CREATE INDEX parts_by_state ON jobs(whole, state) WHERE whole IS NOT NULL;

-- The large parts last, so that reading the first column does not read them.
CREATE TABLE specs(
  number INTEGER PRIMARY KEY REFERENCES jobs(number) ON DELETE CASCADE,
  spec_record BLOB NOT NULL,
  script BLOB NOT NULL,
  stdin BLOB
) STRICT;

-- The labels of jobs, to find them by.
CREATE TABLE labels(
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  number INTEGER NOT NULL REFERENCES jobs(number) ON DELETE CASCADE,
  PRIMARY KEY(key, value, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_by_job ON labels(number);

CREATE TABLE attempts(
  job INTEGER NOT NULL REFERENCES jobs(number) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  state INTEGER NOT NULL,
  worker_id TEXT NOT NULL,
  worker_name TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  unit TEXT NOT NULL,
  cgroup TEXT NOT NULL,
  leader_pid INTEGER NOT NULL,
  user TEXT NOT NULL,
  launcher INTEGER NOT NULL,
  start_time_us INTEGER,
  end_time_us INTEGER,
  end_record BLOB,
  usage_record BLOB NOT NULL,
  PRIMARY KEY(job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_worker ON attempts(worker_name, job);
CREATE INDEX attempts_live ON attempts(worker_id) WHERE state < 5;

CREATE TABLE workers(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  state INTEGER NOT NULL,
  state_time_us INTEGER NOT NULL,
  register_time_us INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  version TEXT NOT NULL,
  labels_record BLOB NOT NULL,
  capacity_record BLOB NOT NULL,
  drain_by TEXT,
  drain_reason TEXT,
  drain_start_us INTEGER,
  drain_deadline_us INTEGER,
  drain_requeue INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX workers_by_name ON workers(name, id);

-- What WatchJobs resumes from; the oldest rows go.
CREATE TABLE events(
  revision INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  state INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  worker_id TEXT NOT NULL,
  end_record BLOB,
  is_part INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Which jobs a request made: `count` of them, with ages from `first_number`. Goes with the events.
CREATE TABLE requests(
  first_number INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  submitter TEXT NOT NULL,
  request_id TEXT NOT NULL,
  UNIQUE(submitter, request_id)
) STRICT;
