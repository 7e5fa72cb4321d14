#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The work that a power cut interrupts: jobs without end, through the scheduler and directly.

Usage: load.py BATCH SEED. Reports to the host, at once and past every disk of this machine, what it
was told: {"door", "told": "submitted" | "started" | "ended", "job", …}.
"""

import itertools
import json
import os
import random
import sys
import threading
import time

import doors
from doors import ENDED, job_pb2
from takt.v1 import job_service_pb2, worker_service_pb2

REPORTS = os.open("/dev/reports", os.O_WRONLY | os.O_NOCTTY)
SCHEDULED_AT_ONCE = 10  # more than there are slots: some wait in the queue
DIRECT_AT_ONCE = 3
LONGEST_S = 1.5
POLL_S = 0.1


def report(door: str, told: str, job: str, **more: object) -> None:
    """Tells the host; a line is one write, so lines never mix."""
    os.write(REPORTS, json.dumps({"door": door, "told": told, "job": job, **more}).encode() + b"\n")


class Load:
    """Both kinds of load, for one batch of jobs."""

    def __init__(self, batch: int, seed: int):
        self.batch = batch
        self.chance = random.Random(seed)
        self.room = threading.Semaphore(SCHEDULED_AT_ONCE)
        self.numbers = itertools.count(1)

    def spec(self, code: int, name: str = "") -> job_pb2.JobSpec:
        """Makes a job that takes a while and exits with a code of its own."""
        takes = f"{self.chance.uniform(0, LONGEST_S):.2f}"
        return job_pb2.JobSpec(argv=["sh", doors.JOB, takes, str(code)], name=name)

    def submit_for_ever(self) -> None:
        """Keeps the scheduler busy."""
        jobs = doors.scheduler()
        for number in itertools.count():
            self.room.acquire()
            code = number % 200 + 1
            name = f"load-{self.batch}-{number}-{code}"
            done = jobs.SubmitJob(
                job_service_pb2.SubmitJobRequest(spec=self.spec(code, name), request_id=name),
                timeout=doors.DEADLINE_S, wait_for_ready=True)
            report("scheduler", "submitted", done.job_id, name=name)
            if number == 0:
                watcher = threading.Thread(target=self.watch, args=(done.revision - 1,))
                watcher.start()

    def watch(self, revision: int) -> None:
        """Reports what becomes of the scheduler's jobs."""
        request = job_service_pb2.WatchJobsRequest(after_revision=revision)
        for change in doors.scheduler().WatchJobs(request):
            event = change.event
            if event.state == job_pb2.JOB_STATE_RUNNING:
                report("scheduler", "started", event.job_id, attempt=event.attempt)
            if event.state in ENDED:
                report("scheduler", "ended", event.job_id, attempt=event.attempt,
                       end=doors.end_of(event.end))
                self.room.release()

    def direct_for_ever(self) -> None:
        """Keeps the worker busy past the scheduler."""
        worker = doors.worker()
        while True:
            number = next(self.numbers)
            code = number % 200 + 1
            attempt = worker.StartJob(worker_service_pb2.WorkerServiceStartJobRequest(
                spec=self.spec(code), request_id=f"load-{self.batch}-{number}"),
                timeout=doors.DEADLINE_S, wait_for_ready=True).attempt
            job = attempt.job_id
            if attempt.HasField("start_time"):
                report("worker", "started", job, attempt=1)
            while not attempt.HasField("end"):
                time.sleep(POLL_S)
                attempt = worker.QueryJob(worker_service_pb2.QueryJobRequest(job_id=job)).attempt
            report("worker", "ended", job, attempt=1, end=doors.end_of(attempt.end))


def main() -> None:
    load = Load(*map(int, sys.argv[1:]))
    for work in [load.submit_for_ever, *[load.direct_for_ever] * DIRECT_AT_ONCE]:
        threading.Thread(target=work).start()


main()
