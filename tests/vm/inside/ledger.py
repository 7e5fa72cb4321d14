#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the scheduler has on its books, before and after requests are made again.

Usage: ledger.py USER PATIENCE_S < {"again": {request: names}}, as root. Asks as USER. Waits until
nothing that may start is left waiting or running, or until patience is over, if there is any.
Prints one JSON object: {"check": SQLite's word on the store, "jobs": {id: {"name", "state", "held",
"priority", "attempts"}} as found, "again": {request: ids} as answered now, "later": "jobs" once
more, after that and the wait}.
"""

import json
import os
import pwd
import sqlite3
import sys
import time

import doors
from doors import ENDED, job_pb2
from takt.v1 import job_service_pb2

STORE = "file:/var/lib/takt-scheduler/takt.db?mode=ro"
PAGE = 1000
POLL_S = 0.5


def jobs_of(scheduler) -> dict[str, dict]:
    """Returns all jobs."""
    found, request = {}, job_service_pb2.ListJobsRequest(page_size=PAGE)
    while True:
        answer = scheduler.ListJobs(request, timeout=doors.DEADLINE_S, wait_for_ready=True)
        for job in answer.jobs:
            found[job.job_id] = {
                "name": job.spec.name, "state": job_pb2.JobState.Name(job.state),
                "held": bool(job.held_by), "priority": job.priority,
                "attempts": len(job.attempts)}
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


def under_way(jobs: dict[str, dict]) -> bool:
    """Says whether anything may still become of a job."""
    ended = [job_pb2.JobState.Name(state) for state in ENDED]
    return any(job["state"] not in ended and not job["held"] for job in jobs.values())


def become(name: str) -> None:
    """Makes this process that user's."""
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def main() -> None:
    deadline = time.monotonic() + float(sys.argv[2])
    asked = json.load(sys.stdin)["again"]
    with sqlite3.connect(STORE, uri=True) as store:
        check = store.execute("PRAGMA integrity_check").fetchone()[0]
    become(sys.argv[1])
    scheduler = doors.scheduler()
    found = {"check": check, "jobs": jobs_of(scheduler)}
    found["again"] = {request: doors.submit(scheduler, request, names)
                      for request, names in asked.items()}
    while under_way(later := jobs_of(scheduler)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    print(json.dumps({**found, "later": later}))


main()
