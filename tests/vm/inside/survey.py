#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What takt knows, once nothing is under way any more.

Usage: survey.py PATIENCE_S. Waits until every job has ended and every end is acknowledged, or until
patience is over; prints one JSON object: {"boot", "active": links, "jobs": {id: {"name", "state",
"attempts": {number: {"boot", "end"}}}}, "attempts": {id: {number: {"boot", "end"}}}}. "jobs" is
what the scheduler says, "attempts" what the worker says; "end" is null where there is none.
"""

import json
import os
import pathlib
import sys
import time

import doors
from doors import ENDED, job_pb2
from takt.v1 import job_service_pb2, worker_service_pb2

ACTIVE = "/var/lib/takt/active"
PAGE = 1000
POLL_S = 0.3


def pages(call, request) -> object:
    """Goes through all pages of a list."""
    while True:
        answer = call(request, timeout=doors.DEADLINE_S, wait_for_ready=True)
        yield answer
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


def attempt_of(attempt: job_pb2.Attempt) -> dict:
    """Returns what matters of an attempt."""
    end = doors.end_of(attempt.end) if attempt.HasField("end") else None
    return {"boot": attempt.boot_id, "end": end}


def settled(jobs) -> bool:
    """Says whether all has ended and been acknowledged."""
    alive = [state for state in job_pb2.JobState.values() if state and state not in ENDED]
    request = job_service_pb2.ListJobsRequest(page_size=1, states=alive)
    answer = jobs.ListJobs(request, timeout=doors.DEADLINE_S, wait_for_ready=True)
    return not answer.jobs and not os.listdir(ACTIVE)


def main() -> None:
    jobs, worker = doors.scheduler(), doors.worker()
    deadline = time.monotonic() + float(sys.argv[1])
    while not settled(jobs) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    found = {"boot": pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
             "active": os.listdir(ACTIVE), "jobs": {}, "attempts": {}}
    for page in pages(jobs.ListJobs, job_service_pb2.ListJobsRequest(page_size=PAGE)):
        for job in page.jobs:
            found["jobs"][job.job_id] = {
                "name": job.spec.name, "state": job_pb2.JobState.Name(job.state),
                "attempts": {attempt.number: attempt_of(attempt) for attempt in job.attempts}}
    for page in pages(worker.ListJobs,
                      worker_service_pb2.WorkerServiceListJobsRequest(page_size=PAGE)):
        for attempt in page.attempts:
            of_job = found["attempts"].setdefault(attempt.job_id, {})
            of_job[attempt.number] = attempt_of(attempt)
    print(json.dumps(found))


main()
